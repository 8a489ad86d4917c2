"""gRPC's framing, and the one message that the echo service takes and gives.

Formats: gRPC over HTTP/2 (grpc/grpc doc/PROTOCOL-HTTP2.md), protobuf's encoding, and
istio/istio pkg/test/echo/proto/echo.proto (EchoRequest and EchoResponse have `string message = 1`).
"""

from __future__ import annotations

import struct
from typing import Final

ECHO: Final = "/proto.EchoTestService/Echo"
UNIMPLEMENTED: Final = 12
INTERNAL: Final = 13
_MESSAGE_FIELD: Final = 0x0A


class Malformed(ValueError):
    """Bytes that are no frame, or no message."""


def encode(message: str) -> bytes:
    """A frame with a message."""
    text = message.encode()
    body = bytes([_MESSAGE_FIELD]) + _varint(len(text)) + text if text else b""
    return struct.pack("!BI", 0, len(body)) + body


def decode(frame: bytes) -> str:
    """The message in a frame. Raises Malformed."""
    if len(frame) < 5:
        raise Malformed("no frame")
    compressed, length = struct.unpack("!BI", frame[:5])
    body = frame[5:]
    if compressed or len(body) != length:
        raise Malformed("a compressed frame, or one of another length than it says")
    if not body:
        return ""
    size, shift, at = 0, 0, 1
    while at < len(body) and at < 6:
        size |= (body[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not body[at - 1] & 0x80:
            break
    if body[0] != _MESSAGE_FIELD or len(body) != at + size:
        raise Malformed("no echo message")
    return body[at:].decode(errors="replace")


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


CODES: Final = {
    0: "OK",
    1: "Canceled",
    2: "Unknown",
    3: "InvalidArgument",
    4: "DeadlineExceeded",
    5: "NotFound",
    6: "AlreadyExists",
    7: "PermissionDenied",
    8: "ResourceExhausted",
    9: "FailedPrecondition",
    10: "Aborted",
    11: "OutOfRange",
    12: "Unimplemented",
    13: "Internal",
    14: "Unavailable",
    15: "DataLoss",
    16: "Unauthenticated",
}
"""The codes by grpc-go's names."""

_OF_HTTP: Final = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}


def code_of_http(status: int) -> int:
    """The code that a client makes of an HTTP status (grpc/grpc doc/http-grpc-status-mapping.md)."""
    return _OF_HTTP.get(status, 2)
