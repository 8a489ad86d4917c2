"""The JSONPath of printer columns: fields, indexes, wildcards and equality filters.

Refuses everything else that client-go's jsonpath can do (ranges, unions, recursion), because
kube-apiserver admits only simple paths in a CustomResourceDefinition anyway.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson

_TOKEN = re.compile(
    r"""\.(?P<field>(?:[^.\[\\]|\\.)+)
      | \[(?P<index>-?\d+)\]
      | \[(?P<every>\*)\]
      | \[['"](?P<key>[^'"]+)['"]\]
      | \[\?\(\s*@(?P<path>[^=\s]+)\s*==\s*(?P<value>[^)]+?)\s*\)\]""",
    re.VERBOSE,
)


class UnsupportedPath(Exception):
    """The path says something that this module refuses."""


def find(path: str, document: Any) -> list[Any]:
    """Every value that the path leads to, in order. Raises UnsupportedPath."""
    values = [document]
    for match in _steps(path):
        values = [found for value in values for found in _step(match, value)]
    return values


@cache
def _steps(path: str) -> tuple[re.Match[str], ...]:
    text = path.strip()
    if not text.startswith((".", "[")):
        text = f".{text}"
    steps, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise UnsupportedPath(path)
        steps.append(match)
        position = match.end()
    return tuple(steps)


def _step(match: re.Match[str], value: Any) -> Iterator[Any]:
    step = match.lastgroup
    if step in ("field", "key"):
        name = re.sub(r"\\(.)", r"\1", match["field"] or match["key"])
        if name == "*" and step == "field":
            yield from value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        elif isinstance(value, dict) and name in value:
            yield value[name]
    elif not isinstance(value, list):
        return
    elif step == "every":
        yield from value
    elif step == "index":
        yield from value[int(match["index"]) :][:1]
    else:
        wanted = _literal(match["value"])
        yield from (item for item in value if wanted in find(match["path"], item))


def _literal(text: str) -> object:
    if text[:1] in "'\"":
        return text[1:-1]
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return value
