"""An OpenAPI 2 document as protobuf, the only form in which kubectl before 1.27 reads it.

Writes the fields that we publish of the message `openapi.v2.Document`. Source of the numbers:
github.com/google/gnostic-models openapiv2/OpenAPIv2.proto.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson

from pocketmesh.objects import Object

_SMALL: Final = tuple(bytes((value,)) for value in range(0x80))


def encode(document: Object) -> bytes:
    """The bytes of a document that holds `swagger`, `info`, `paths` and `definitions`."""
    info = _text(1, document["info"]["title"]) + _text(2, document["info"]["version"])
    return b"".join(
        (
            _text(1, document["swagger"]),
            _message(2, info),
            _message(8, _named(2, document["paths"], _path_item)),
            _message(9, _named(1, document["definitions"], _schema)),
        )
    )


def _path_item(item: Object) -> bytes:
    return _message(8, _operation(item["patch"]))


def _operation(operation: Object) -> bytes:
    parameters = (
        # ParametersItem.parameter, Parameter.non_body_parameter, .query_parameter_sub_schema
        _message(8, _message(1, _message(2, _message(3, _query(parameter)))))
        for parameter in operation["parameters"]
    )
    responses = _named(1, operation["responses"], _response)
    return b"".join(
        (
            _text(3, operation["description"]),
            _text(5, operation["operationId"]),
            *(_text(7, media_type) for media_type in operation["consumes"]),
            *parameters,
            _message(9, responses),
            _extensions(13, operation),
        )
    )


def _query(parameter: Object) -> bytes:
    unique = _number(20, 1) if parameter.get("uniqueItems") else b""
    return _text(2, "query") + _text(4, parameter["name"]) + _text(6, parameter["type"]) + unique


def _response(response: Object) -> bytes:
    # ResponseValue.response; Response.schema is a SchemaItem
    schema = _message(2, _message(1, _schema(response["schema"])))
    return _message(1, _text(1, response["description"]) + schema)


def _schema(schema: Object) -> bytes:
    out = [
        _text(1, schema.get("$ref", "")),
        _text(2, schema.get("format", "")),
        _text(4, schema.get("description", "")),
        _text(13, schema.get("pattern", "")),
    ]
    if "default" in schema:
        out.append(_message(5, _any(schema["default"])))
    out += [_text(19, name) for name in schema.get("required", ())]
    out += [_message(20, _any(value)) for value in schema.get("enum", ())]
    if (additional := schema.get("additionalProperties")) is not None:
        boolean = isinstance(additional, bool)
        out.append(_message(21, _number(2, int(additional)) if boolean else _message(1, _schema(additional))))
    if "type" in schema:
        out.append(_message(22, _text(1, schema["type"])))
    if "items" in schema:
        out.append(_message(23, _message(1, _schema(schema["items"]))))
    if "properties" in schema:
        out.append(_message(25, _named(1, schema["properties"], _schema)))
    out.append(_extensions(31, schema))
    return b"".join(out)


def _extensions(field: int, holder: Object) -> bytes:
    return b"".join(
        _message(field, _text(1, name) + _message(2, _any(value)))
        for name, value in holder.items()
        if name.startswith("x-")
    )


def _any(value: Any) -> bytes:
    return _text(2, orjson.dumps(value).decode())  # JSON is YAML


def _named(field: int, entries: Object, encoded: Any) -> bytes:
    return _joined(
        _message(field, _text(1, name) + _message(2, encoded(value))) for name, value in entries.items()
    )


def _joined(parts: Iterable[bytes]) -> bytes:
    return b"".join(parts)


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode()) if text else b""


def _message(field: int, payload: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(payload)) + payload


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    if value < 0x80:
        return _SMALL[value]
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
