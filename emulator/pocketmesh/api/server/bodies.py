"""The body of a request as an object: JSON, YAML or Kubernetes' protobuf. Pure.

Duplicate fields are found here because they are gone once a body is a dict.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pocketmesh.api.errors import bad_request, unsupported_media_type
from pocketmesh.api.parsing import Unreadable, from_json, from_yaml
from pocketmesh.objects import Object

_JSON: Final = "application/json"
_YAML: Final = "application/yaml"
_PROTOBUF: Final = "application/vnd.kubernetes.protobuf"
_PATHS_TOLD: Final = 50


@dataclass(frozen=True, slots=True)
class Body:
    """The object, and the paths of fields that were given twice (the last one counts)."""

    object: Object
    duplicates: tuple[str, ...] = ()


def decode(body: bytes, content_type: str) -> Body:
    """Raises ApiError: 400 for a malformed body, 415 for a format that nobody here reads."""
    match content_type.partition(";")[0].strip().lower():
        case "" | "application/json" | "*/*":
            return _json(body)
        case "application/yaml":
            return _yaml(body)
        case "application/vnd.kubernetes.protobuf":
            from pocketmesh.schema.protobuf import UnknownMessage
            from pocketmesh.schema.protobuf import decode as decode_protobuf

            try:
                return Body(decode_protobuf(body))
            except UnknownMessage as error:
                raise unsupported_media_type([_JSON, _YAML]) from error
        case _:
            raise unsupported_media_type([_JSON, _YAML, _PROTOBUF])


def _json(body: bytes) -> Body:
    try:
        found = _object(from_json(body))
    except Unreadable as error:
        raise bad_request(f"the object provided is unrecognized: {error}") from error
    return Body(found, tuple(_duplicates(body)))


def _yaml(body: bytes) -> Body:
    try:
        return Body(_object(from_yaml(body)))
    except Unreadable as error:
        raise bad_request(f"error converting YAML to JSON: {error}") from error


def _object(found: Any) -> Object:
    if not isinstance(found, dict):
        raise bad_request("the object provided is unrecognized: it must be an object with fields")
    return found


class _Twice(Exception):
    """Some field came twice."""


class _Fields(dict[str, Any]):
    """An object that remembers which of its fields came twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.twice = tuple(name for name in self if names.count(name) > 1)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _Twice
    return fields


# Nearly every body is well written: where it is not is asked of a second decoder.
_CHECKING: Final = json.JSONDecoder(object_pairs_hook=_once)
_COLLECTING: Final = json.JSONDecoder(object_pairs_hook=_Fields)


def _duplicates(body: bytes) -> list[str]:
    text = body.decode()
    try:
        _CHECKING.decode(text)
    except _Twice:
        return sorted(_paths(_COLLECTING.decode(text), ""))[:_PATHS_TOLD]
    return []


def _paths(value: Any, at: str) -> Iterator[str]:
    if isinstance(value, _Fields):
        for name in value.twice:
            yield f"{at}.{name}".removeprefix(".")
        for name, child in value.items():
            yield from _paths(child, f"{at}.{name}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _paths(child, f"{at}[{index}]")
