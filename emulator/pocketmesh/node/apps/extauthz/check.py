"""The one call of Envoy's authorization service, in protobuf: what is asked, and either answer.

Upstream: envoyproxy/envoy api/envoy/service/auth/v3/{external_auth,attribute_context}.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pocketmesh.schema import wire

CHECK: Final = "/envoy.service.auth.v3.Authorization/Check"
_FORBIDDEN: Final = 403
_PERMISSION_DENIED: Final = 7


@dataclass(frozen=True, slots=True)
class Check:
    """A request that Envoy wants to be judged, and who sent it."""

    method: str = ""
    host: str = ""
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    source: str = ""
    """The identity of the client, as far as Envoy knows it."""
    destination: str = ""


def read(message: bytes) -> Check:
    """A CheckRequest. Raises IndexError when it is damaged."""
    attributes = _parts(_parts(message).get(1, b""))
    http = _parts(_parts(attributes.get(4, b"")).get(2, b""))
    return Check(
        method=_text(http, 2),
        host=_text(http, 5),
        path=_text(http, 4),
        headers=dict(_headers(attributes.get(4, b""))),
        body=_text(http, 11),
        source=_text(_parts(attributes.get(1, b"")), 4),
        destination=_text(_parts(attributes.get(2, b"")), 4),
    )


def allowed(headers: dict[str, str]) -> bytes:
    """A CheckResponse that lets the request pass, with headers for the application."""
    options = b"".join(wire.field(2, _option(name, value)) for name, value in headers.items())
    return wire.field(1, b"") + wire.field(3, options)


def denied(headers: dict[str, str], body: str) -> bytes:
    """A CheckResponse that refuses the request with 403, with headers for the client."""
    options = b"".join(wire.field(2, _option(name, value)) for name, value in headers.items())
    answer = wire.field(1, wire.field(1, _FORBIDDEN)) + options + wire.field(3, body)
    return wire.field(1, wire.field(1, _PERMISSION_DENIED)) + wire.field(2, answer)


def _option(name: str, value: str) -> bytes:
    return wire.field(1, wire.field(1, name) + wire.field(2, value))


def _headers(request: bytes) -> Iterator[tuple[str, str]]:
    """Headers are a map, or raw values where Envoy is told to encode them so."""
    for number, value in wire.fields(_parts(request).get(2, b"")):
        if number == 3:
            entry = _parts(value)
            yield _text(entry, 1), _text(entry, 2)
        elif number == 13:
            for _, header in wire.fields(value):
                parts = _parts(header)
                yield _text(parts, 1), _text(parts, 3) or _text(parts, 2)


def _parts(message: bytes) -> dict[int, Any]:
    return dict(wire.fields(message))


def _text(parts: dict[int, Any], number: int) -> str:
    value = parts.get(number, b"")
    return value.decode(errors="replace") if isinstance(value, bytes) else ""
