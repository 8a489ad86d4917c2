"""Serving HTTP from a container: aiohttp's protocol behind a pod's address, no socket of the host."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from aiohttp import web

from pocketmesh.node.process import Container

_PATIENCE: Final = 0.01  # 0 would wait for every open request
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

Fields: TypeAlias = tuple[tuple[str, str], ...]

Conversation: TypeAlias = Callable[[web.WebSocketResponse], Awaitable[None]]
"""What a server says over a WebSocket that is open; when it returns, the WebSocket is closed."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request; `headers` are without the pseudo-headers, their names in lower case."""

    method: str
    target: str
    authority: str
    headers: Fields
    body: bytes
    protocol: str = "HTTP/1.1"
    alpn: str = ""
    """What TLS agreed on; empty without TLS."""
    client: str = ""
    """The address of whoever connected."""

    def header(self, name: str) -> str:
        """A header's first value, by its name in lower case; empty without it."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def path(self) -> str:
        """The target's path, decoded."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> list[tuple[str, str]]:
        """The target's query, decoded."""
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Reply:
    """A response."""

    status: int = 200
    headers: Fields = ()
    body: bytes = b""
    trailers: Fields = ()
    conversation: Conversation | None = None
    """Held over a WebSocket instead of all this."""


HttpHandler: TypeAlias = Callable[[Call], Awaitable[Reply]]
"""Answers a request, over whichever version of HTTP it came."""


async def serve(container: Container, port: int, handler: Handler) -> None:
    """Answers requests on a port until it is cancelled. Raises OSError when the port is taken."""
    server = web.Server(handler, access_log=None)
    container.network.listen(container.ip, port, server)
    try:
        await asyncio.Event().wait()
    finally:
        container.network.unlisten(container.ip, port)
        await server.shutdown(_PATIENCE)
