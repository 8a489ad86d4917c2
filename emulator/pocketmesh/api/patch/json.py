"""JSON patch (RFC 6902) with the answers that kube-apiserver gives.

Upstream says nothing about what exactly failed in an operation: any refusal is the same 422.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from pocketmesh.api.errors import ApiError, bad_request
from pocketmesh.api.parsing import LIMIT

_MOST_OPERATIONS: Final = 10_000


class _Failed(Exception):
    """An operation that cannot be done."""


def patch(target: Any, operations: Any) -> Any:
    """What the operations make of a copy of the target.

    Raises ApiError: 400 for what is no JSON patch, 413 for too many operations, 422 when one fails.
    """
    if not isinstance(operations, list) or not all(isinstance(operation, dict) for operation in operations):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch"
        )
    if len(operations) > _MOST_OPERATIONS:
        raise ApiError(
            413,
            "RequestEntityTooLarge",
            "Request entity too large: The allowed maximum operations in a JSON patch is "
            f"{_MOST_OPERATIONS}, got {len(operations)}",
        )
    document = orjson.loads(orjson.dumps(target))
    copied = 0
    try:
        for operation in operations:
            if operation.get("op") == "copy":
                # A list copied into itself again and again would double each time.
                copied += len(orjson.dumps(_find(document, _tokens(operation["from"]))))
                if copied > LIMIT:
                    raise _Failed(operation["path"])
            document = _apply(document, operation)
    except (_Failed, KeyError, IndexError, ValueError, TypeError) as error:
        raise ApiError(
            422, "Invalid", "the server rejected our request due to an error in our request"
        ) from error
    return document


def _apply(document: Any, operation: dict[str, Any]) -> Any:
    path = _tokens(operation["path"])
    match operation["op"]:
        case "add":
            return _add(document, path, operation["value"])
        case "remove":
            return _remove(document, path)
        case "replace":
            value = operation["value"]
            _find(document, path)
            return _add(_remove(document, path), path, value) if path else value
        case "move":
            source = _tokens(operation["from"])
            value = _find(document, source)
            return _add(_remove(document, source), path, value)
        case "copy":
            value = _find(document, _tokens(operation["from"]))
            return _add(document, path, orjson.loads(orjson.dumps(value)))
        case "test":
            if not _same(_find(document, path), operation.get("value")):
                raise _Failed(operation["path"])
            return document
    raise _Failed(operation["op"])


def _tokens(pointer: Any) -> list[str]:
    if pointer == "":
        return []
    if not isinstance(pointer, str) or not pointer.startswith("/"):
        raise _Failed(pointer)
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")]


def _find(document: Any, path: Sequence[str]) -> Any:
    for token in path:
        document = (
            document[_index(token, len(document) - 1)] if isinstance(document, list) else document[token]
        )
    return document


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _find(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        position = len(parent) if last == "-" else _index(last, len(parent))
        parent.insert(position, value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise _Failed(last)
    return document


def _remove(document: Any, path: list[str]) -> Any:
    if not path:
        raise _Failed("the whole document")
    parent, last = _find(document, path[:-1]), path[-1]
    del parent[_index(last, len(parent) - 1) if isinstance(parent, list) else last]
    return document


def _index(token: str, highest: int) -> int:
    index = int(token)
    if token != str(index) or not 0 <= index <= highest:
        raise _Failed(token)
    return index


def _same(left: Any, right: Any) -> bool:
    """JSON equality, in which `true` is not 1."""
    return orjson.dumps(left, option=orjson.OPT_SORT_KEYS) == orjson.dumps(right, option=orjson.OPT_SORT_KEYS)
