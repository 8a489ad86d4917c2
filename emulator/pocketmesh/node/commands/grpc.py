"""gRPC's framing and statuses over HTTP/2 (grpc/grpc doc/PROTOCOL-HTTP2.md)."""

from __future__ import annotations

import struct
from typing import Final

from pocketmesh.node.commands.web import Fields, Reply

OK: Final = 0
UNIMPLEMENTED: Final = 12
INTERNAL: Final = 13
_HEAD: Final = (("content-type", "application/grpc"),)


class Malformed(ValueError):
    """Bytes that are no frame, or no message."""


def framed(message: bytes) -> bytes:
    """A message with what gRPC puts before it."""
    return struct.pack("!BI", 0, len(message)) + message


def unframed(frame: bytes) -> bytes:
    """The message in a frame. Raises Malformed."""
    if len(frame) < 5:
        raise Malformed("no frame")
    compressed, length = struct.unpack("!BI", frame[:5])
    if compressed or len(frame) != 5 + length:
        raise Malformed("a compressed frame, or one of another length than it says")
    return frame[5:]


def answered(message: bytes) -> Reply:
    """The answer to a call that succeeded."""
    return Reply(headers=_HEAD, body=framed(message), trailers=_status(OK, ""))


def refused(code: int, why: str) -> Reply:
    """The answer to a call that failed."""
    return Reply(headers=(*_HEAD, *_status(code, why)))


def unknown(path: str) -> Reply:
    """The answer to a method that a server does not have, in grpc-go's words."""
    service, _, method = path.strip("/").rpartition("/")
    return refused(UNIMPLEMENTED, f"unknown method {method} for service {service}")


def _status(code: int, message: str) -> Fields:
    return ("grpc-status", str(code)), ("grpc-message", message)
