"""cel-go's extended string library (version 2) and Kubernetes' `find` and `findAll`.

Positions count characters. What both strings and lists have (`indexOf`) is in `lists`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pocketmesh.schema.cel.errors import NO_SUCH_OVERLOAD, EvaluationError
from pocketmesh.schema.cel.functions.core import string

_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_QUOTED = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
_VERB = re.compile(r"%(?:%|(?:\.(\d+))?([sdfebxXo]))")


def _char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise EvaluationError(f"index out of range: {index}")
    return text[index : index + 1]


def _substring(text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else end
    if not 0 <= start <= len(text):
        raise EvaluationError(f"index out of range: {start}")
    if not 0 <= stop <= len(text):
        raise EvaluationError(f"index out of range: {stop}")
    if start > stop:
        raise EvaluationError(f"invalid substring range. start: {start}, end: {stop}")
    return text[start:stop]


def _replace(text: str, old: str, new: str, limit: int = -1) -> str:
    return text.replace(old, new, limit)


def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    if limit in {0, 1}:
        return [text] if limit else []
    if not separator:
        head = list(text) if limit < 0 else list(text[: limit - 1])
        return head if len(head) == len(text) else [*head, text[len(head) :]]
    return text.split(separator, limit - 1 if limit > 0 else -1)


def _join(parts: list[str], separator: str = "") -> str:
    if not all(isinstance(part, str) for part in parts):
        raise EvaluationError(NO_SUCH_OVERLOAD)
    return separator.join(parts)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(_QUOTED.get(char, char) for char in escaped) + '"'


def _format(template: str, values: list[Any]) -> str:
    """cel-go's `format`: %s %d %f %e %b %x %X %o, with a precision for %f and %e."""
    rest = iter(values)

    def shown(verb: re.Match[str]) -> str:
        if verb[2] is None:
            return "%"
        try:
            value = next(rest)
        except StopIteration:
            raise EvaluationError(f"index {len(values)} out of range") from None
        return _formatted(verb[2], verb[1], value)

    return _VERB.sub(shown, template)


def _formatted(verb: str, precision: str | None, value: Any) -> str:
    try:
        match verb:
            case "s":
                return _text_of(value)
            case "f" | "e":
                return f"{float(value):.{precision or 6}{verb}}"
            case "x" | "X" if isinstance(value, str | bytes):
                digits = (value.encode() if isinstance(value, str) else value).hex()
                return digits.upper() if verb == "X" else digits
        return format(int(value), verb)
    except (TypeError, ValueError):
        raise EvaluationError(f"error during formatting: no formatting function for %{verb}") from None


def _text_of(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_text_of(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text_of(key)}: {_text_of(value[key])}" for key in sorted(value)) + "}"
    return "null" if value is None else string(value)


def _find(text: str, pattern: str) -> str:
    found = _regex(pattern).search(text)
    return found[0] if found else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [match[0] for match in _regex(pattern).finditer(text)]
    return found if limit < 0 else found[:limit]


def _regex(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.ASCII)
    except re.error as error:
        raise EvaluationError(f"Illegal regex: {error}") from error


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "charAt": _char_at,
    "find": _find,
    "findAll": _find_all,
    "format": _format,
    "join": _join,
    "lowerAscii": lambda text: text.translate(_LOWER),
    "replace": _replace,
    "split": _split,
    "strings.quote": _quote,
    "substring": _substring,
    "trim": lambda text: text.strip(),
    "upperAscii": lambda text: text.translate(_UPPER),
}
