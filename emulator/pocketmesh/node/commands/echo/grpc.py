"""The one message that the echo service takes and gives, and gRPC's codes by name.

Format: istio/istio pkg/test/echo/proto/echo.proto (EchoRequest and EchoResponse have
`string message = 1`).
"""

from __future__ import annotations

from typing import Final

from pocketmesh.node.commands.grpc import Malformed, framed, unframed
from pocketmesh.schema.wire import field, fields

ECHO: Final = "/proto.EchoTestService/Echo"
_MESSAGE_FIELD: Final = 1


def message(text: str) -> bytes:
    """The message that says a text."""
    return field(_MESSAGE_FIELD, text) if text else b""


def encode(text: str) -> bytes:
    """A frame with a message."""
    return framed(message(text))


def decode(frame: bytes) -> str:
    """The message in a frame. Raises Malformed."""
    try:
        found = list(fields(unframed(frame)))
    except IndexError:
        raise Malformed("no echo message") from None
    if not found:
        return ""
    (number, text), *others = found
    if number != _MESSAGE_FIELD or others or not isinstance(text, bytes):
        raise Malformed("no echo message")
    return text.decode(errors="replace")


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
