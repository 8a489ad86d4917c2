"""Protobuf's wire format, without any schema: fields by number.

Upstream: https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def fields(body: bytes) -> Iterator[tuple[int, Any]]:
    """Each field's number and raw value: an integer, or bytes. Raises IndexError when it is damaged."""
    position = 0
    while position < len(body):
        tag, position = varint(body, position)
        match tag & 7:
            case 0:
                value, position = varint(body, position)
                yield tag >> 3, value
                continue
            case 1:
                length = 8
            case 2:
                length, position = varint(body, position)
            case 5:
                length = 4
            case wire_type:
                raise IndexError(f"wire type {wire_type}")
        if position + length > len(body):
            raise IndexError("a field ends after the body does")
        yield tag >> 3, body[position : position + length]
        position += length


def field(number: int, value: int | str | bytes) -> bytes:
    """A field: a number, a text, bytes, or a message that has been written."""
    if isinstance(value, int):
        return _written(number << 3) + _written(value)
    data = value.encode() if isinstance(value, str) else value
    return _written(number << 3 | 2) + _written(len(data)) + data


def varint(body: bytes, position: int) -> tuple[int, int]:
    """The number at a position, and the position behind it. Raises IndexError."""
    number = shift = 0
    while True:
        byte = body[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7


def _written(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
