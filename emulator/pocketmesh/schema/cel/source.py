"""An expression's text, made ready for the Rust library.

Two things differ from Kubernetes. The library cannot be taught other versions of its built-in functions, so
calls of those that it gets wrong (`size` of a string counts bytes) are renamed to ours. And field names
that are no identifiers are written escaped (`__namespace__`, `foo__dash__bar`; upstream apiserver
`pkg/cel/escaping.go`), so the expression says which keys of the variables it wants to see escaped. It says
also which fields it looks at, and large objects are not copied for the others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_TOKEN = re.compile(
    r"""(?P<text>(?:[rR][bB]?|[bB][rR])(?:'{3}.*?'{3}|"{3}.*?"{3}|'[^'\n]*'|"[^"\n]*")
    |[bB]?(?:'{3}(?:\\.|.)*?'{3}|"{3}(?:\\.|.)*?"{3}|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
    |(?P<comment>//[^\n]*)
    |(?P<name>[A-Za-z_]\w*)(?P<call>\s*\()?""",
    re.DOTALL | re.VERBOSE,
)
_FIELD = re.compile(r"\s*\.\s*([A-Za-z_]\w*)(?!\w|\s*\()")
_NULL = re.compile(r"\s*[=!]=\s*null\b")
_ESCAPE = re.compile(r"__(underscores|dot|dash|slash)__")
_ESCAPED = {"underscores": "__", "dot": ".", "dash": "-", "slash": "/"}
_RESERVED = frozenset(
    [
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
        *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    ]
)


def renamed(expression: str, ours: Mapping[str, str], alone: Mapping[str, str]) -> str:
    """The expression with calls of the functions in `ours` going to their new names, and of those in `alone`
    where they are no methods."""

    def replace(token: re.Match[str]) -> str:
        name, call = token["name"], token["call"]
        if call and name in ours:
            return f"{ours[name]}{call}"
        if call and name in alone and not _is_field(expression, token):
            return f"{alone[name]}{call}"
        return token[0]

    return _TOKEN.sub(replace, expression)


def names(expression: str) -> list[tuple[int, str]]:
    """The names that stand on their own, neither fields nor text, with their places."""
    found = []
    for token in _TOKEN.finditer(expression):
        if token["name"] and not token["call"] and not _is_field(expression, token):
            found.append((token.start("name"), token["name"]))
    return found


def fields(expression: str) -> dict[str, frozenset[tuple[str, ...]]]:
    """The paths by which the expression looks into the variables that it names, as their fields are really
    called; the empty path where it wants a whole one."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for start, name in names(expression):
        paths, path, end = found.setdefault(name, set()), [], start + len(name)
        while field := _FIELD.match(expression, end):
            path.append(_unescaped(field[1]))
            end = field.end()
        if path or not _NULL.match(expression, end):
            paths.add(tuple(path))
    return {name: frozenset(paths) for name, paths in found.items()}


def reduced(value: object, paths: Collection[tuple[str, ...]]) -> object:
    """What is left of `value` for who looks at these paths of it only."""
    if not isinstance(value, dict) or () in paths:
        return value
    below: dict[str, set[tuple[str, ...]]] = {}
    for first, *rest in paths:
        below.setdefault(first, set()).add(tuple(rest))
    return {key: reduced(value[key], rest) for key, rest in below.items() if key in value}


def _is_field(expression: str, token: re.Match[str]) -> bool:
    return expression[: token.start()].rstrip().endswith(".")


def escaped_names(expression: str) -> dict[str, str]:
    """The field names that the expression writes escaped, by their real names."""
    written = (token["name"] for token in _TOKEN.finditer(expression) if token["name"])
    return {real: name for name in written if (real := _unescaped(name)) != name}


def _unescaped(name: str) -> str:
    if name.startswith("__") and name.endswith("__") and name[2:-2] in _RESERVED:
        return name[2:-2]
    return _ESCAPE.sub(lambda match: _ESCAPED[match[1]], name)


def presented(value: object, names: Mapping[str, str]) -> object:
    """A copy of `value` as the expression sees it: without null fields, and with keys as it writes them."""
    if isinstance(value, dict):
        return {
            names.get(key, key): presented(child, names) for key, child in value.items() if child is not None
        }
    if isinstance(value, list):
        return [presented(child, names) for child in value]
    return value
