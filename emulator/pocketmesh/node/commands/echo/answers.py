"""What the echo server says, line by line. Pure.

Upstream: istio/istio pkg/test/echo/fields.go and server/endpoint/{http,grpc,tcp}.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from pocketmesh.node.commands.durations import seconds
from pocketmesh.node.commands.web import Call


@dataclass(frozen=True, slots=True)
class Server:
    """Who answers: on which port, and what its command line said about it."""

    hostname: str
    port: int
    version: str = ""
    cluster: str = ""
    istio_version: str = ""


class WrongWish(ValueError):
    """A query of a form that the server does not understand."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a request's query asks the server to do: `delay`, `headers` and `codes`."""

    delay: float = 0.0
    headers: tuple[tuple[str, str], ...] = ()
    codes: tuple[tuple[int, int], ...] = ((200, 1),)
    """Status codes with their chances, in parts of their sum."""


def wishes(target: str) -> Wishes:
    """`?delay=10s&headers=name:value,…&codes=500:1,200:9`. Raises WrongWish."""
    query = parse_qs(urlsplit(target).query)
    delay = query.get("delay", [""])[0]
    headers = query.get("headers", [""])[0]
    codes = query.get("codes", [""])[0]
    try:
        waiting = seconds(delay or "0")
    except ValueError as wrong:
        raise WrongWish(f"error delaying response error: {wrong}") from None
    return Wishes(
        waiting,
        tuple(_pair(entry) for entry in headers.split(",")) if headers else (),
        tuple(_code(entry) for entry in codes.split(",")) if codes else ((200, 1),),
    )


def http(server: Server, call: Call) -> str:
    """The answer to an HTTP request."""
    fields = [
        ("ServiceVersion", server.version),
        ("ServicePort", str(server.port)),
        ("Host", call.authority),
        ("URL", call.target),
        *_present(server),
        ("Method", call.method),
        ("Proto", call.protocol),
        ("Alpn", call.alpn),
        *_headers((name.title(), value) for name, value in call.headers if name != "host"),
        ("Hostname", server.hostname),
    ]
    return _text(fields)


def grpc(server: Server, call: Call, message: str) -> str:
    """The answer to a call of the echo service."""
    binary = {name for name, _ in call.headers if name.endswith("-bin")}
    metadata = [(name, value) for name, value in call.headers if name not in binary | {"te"}]
    fields = [
        ("Host", call.authority),
        *_headers([(":authority", call.authority), *metadata]),
        ("StatusCode", "200"),
        ("ServiceVersion", server.version),
        ("ServicePort", str(server.port)),
        *_present(server),
        ("Proto", "GRPC"),
        ("Echo", message),
        ("Hostname", server.hostname),
    ]
    return _text(fields)


def tcp(server: Server) -> str:
    """What comes before the bytes that are sent back."""
    fields = [
        ("StatusCode", "200"),
        ("ServiceVersion", server.version),
        ("ServicePort", str(server.port)),
        *_present(server),
        ("Proto", "TCP"),
        ("Hostname", server.hostname),
    ]
    return _text(fields)


def _present(server: Server) -> list[tuple[str, str]]:
    fields = [("Cluster", server.cluster), ("IstioVersion", server.istio_version)]
    return [(name, value) for name, value in fields if value]


def _headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    ordered = sorted(headers, key=lambda header: header[0])
    return [("RequestHeader", f"{name}:{value}") for name, value in ordered]


def _text(fields: Sequence[tuple[str, str]]) -> str:
    return "".join(f"{name}={value}\n" for name, value in fields)


def _pair(entry: str) -> tuple[str, str]:
    parts = entry.split(":")
    if len(parts) != 2:
        raise WrongWish(f'response headers error: invalid "{entry}" (want name:value)')
    return parts[0], parts[1]


def _code(entry: str) -> tuple[int, int]:
    code, _, chance = entry.partition(":")
    try:
        found = int(code), int(chance or 1)
    except ValueError:
        raise WrongWish(f'codes error: invalid "{entry}" (want code or code:count)') from None
    if not 200 <= found[0] < 600 or found[1] < 0:
        raise WrongWish(f"codes error: invalid HTTP response code {found[0]}")
    return found
