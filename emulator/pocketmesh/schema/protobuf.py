"""Reading the protobuf bodies that Go clients send for built-in kinds.

Only reading: every client takes JSON answers. The table `protobuf.txt` lists messages, each followed by
its fields: the number, the name in JSON (`-` for a message whose fields belong to the one around it,
`.` for a message that stands for its only field) and the type, with `[]` for a list, `{}` for a map
from strings and `?` for a scalar whose zero Go leaves out.

Upstream: the wire format of protobuf 2 in the envelope of apimachinery `pkg/runtime/serializer/protobuf`.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

import orjson

from pocketmesh import clock
from pocketmesh.objects import Object
from pocketmesh.schema import wire

_MAGIC: Final = b"k8s\x00"
_PACKAGES: Final = {"": "core", "meta.k8s.io": "meta"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class UnknownMessage(Exception):
    """The body is not protobuf as Kubernetes writes it, or of a kind that is not in the table."""


class Field(NamedTuple):
    """One line of the table."""

    name: str
    type: str
    shape: str
    omit_zero: bool


def decode(body: bytes) -> Object:
    """The object in an `application/vnd.kubernetes.protobuf` body. Raises UnknownMessage."""
    if not body.startswith(_MAGIC):
        raise UnknownMessage("the body does not start with Kubernetes' protobuf prefix")
    try:
        envelope = dict(wire.fields(body[len(_MAGIC) :]))
        named = {number: str(value, "utf-8") for number, value in wire.fields(envelope.get(1, b""))}
        api_version, kind = named.get(1, ""), named.get(2, "")
        decoded = _message(_root(api_version, kind), envelope.get(2, b""))
    except (IndexError, struct.error, ValueError, TypeError) as error:
        raise UnknownMessage(f"the protobuf body is damaged: {error}") from error
    return {"apiVersion": api_version, "kind": kind, **decoded}


def _root(api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    package = _PACKAGES.get(group, group.partition(".")[0])
    for message in (f"{package}.{version}.{kind}", f"meta.v1.{kind}"):
        if message in _table():
            return message
    raise UnknownMessage(f"{api_version} {kind} cannot be read as protobuf; send JSON")


@cache
def _table() -> dict[str, dict[int, Field]]:
    messages: dict[str, dict[int, Field]] = {}
    fields: dict[int, Field] = {}
    for line in files("pocketmesh.schema").joinpath("protobuf.txt").read_text().splitlines():
        if not line.startswith(" "):
            fields = messages[line] = {}
            continue
        number, name, kind = line.split()
        shape = kind[-2:] if kind.endswith(("[]", "{}")) else ""
        fields[int(number)] = Field(
            name, kind.removesuffix("?").removesuffix(shape), shape, kind.endswith("?")
        )
    return messages


def _message(name: str, body: bytes) -> Any:
    fields = _table()[name]
    decoded: Object = {}
    for number, raw in wire.fields(body):
        field = fields.get(number)
        if field is None:
            continue
        if field.shape == "{}":
            entry = dict(wire.fields(raw))
            key = str(entry.get(1, b""), "utf-8")
            decoded.setdefault(field.name, {})[key] = _value(field.type, entry.get(2, b""))
        elif field.shape == "[]":
            decoded.setdefault(field.name, []).extend(_elements(field.type, raw))
        elif field.name == "-":
            decoded.update(_message(field.type, raw))
        else:
            value = _value(field.type, raw)
            if value is not None and (value or not field.omit_zero):
                decoded[field.name] = value
    return decoded.get(".", []) if fields and next(iter(fields.values())).name == "." else decoded


def _elements(kind: str, raw: Any) -> Iterator[Any]:
    """The values of one occurrence of a list: one, or numbers packed together."""
    if kind in ("int32", "int64", "bool") and isinstance(raw, bytes):
        position = 0
        while position < len(raw):
            number, position = wire.varint(raw, position)
            yield _value(kind, number)
    else:
        yield _value(kind, raw)


def _value(kind: str, raw: Any) -> Any:
    read = _READERS.get(kind)
    return _message(kind, raw) if read is None else read(raw)


def _time(raw: bytes) -> str | None:
    moment = _moment(raw)
    return None if moment is None else clock.rfc3339(moment)


def _micro_time(raw: bytes) -> str | None:
    moment = _moment(raw)
    return None if moment is None else clock.rfc3339_micro(moment)


def _moment(raw: bytes) -> datetime | None:
    """A time; None for Go's zero time, which is written as nothing."""
    parts = dict(wire.fields(raw))
    if not parts:
        return None
    seconds, nanoseconds = _signed(parts.get(1, 0)), parts.get(2, 0)
    return _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)


def _quantity(raw: bytes) -> str:
    return str(dict(wire.fields(raw)).get(1, b"0"), "utf-8")


def _int_or_string(raw: bytes) -> int | str:
    parts = dict(wire.fields(raw))
    return str(parts.get(3, b""), "utf-8") if parts.get(1, 0) else _signed(parts.get(2, 0))


def _json(raw: bytes) -> Any:
    text = dict(wire.fields(raw)).get(1, b"")
    return orjson.loads(text) if text else None


def _signed(number: int) -> int:
    """Negative numbers are written as the 64 bits of their two's complement."""
    return number - (1 << 64) if number >= 1 << 63 else number


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "string": lambda raw: str(raw, "utf-8"),
    "bytes": lambda raw: base64.b64encode(raw).decode(),
    "bool": bool,
    "int32": _signed,
    "int64": _signed,
    "double": lambda raw: struct.unpack("<d", raw)[0],
    "meta.v1.Time": _time,
    "meta.v1.MicroTime": _micro_time,
    "meta.v1.FieldsV1": _json,
    "runtime.RawExtension": _json,
    "api.resource.Quantity": _quantity,
    "util.intstr.IntOrString": _int_or_string,
}
