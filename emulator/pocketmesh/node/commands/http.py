"""A port of a container that takes HTTP/1.1 and HTTP/2 alike, as servers written in Go do."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from pocketmesh.node.commands.web import Call, HttpHandler

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # RFC 9113, section 3.4


class Http(asyncio.Protocol):
    """One connection; its first bytes tell which version of HTTP it is."""

    def __init__(self, handler: HttpHandler, alpn: str = "") -> None:
        self._handler = handler
        self._alpn = alpn
        self._begun = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._begun += data
        if self._begun.startswith(_PREFACE):
            self._become(http2(self._handler, self._alpn))
        elif not _PREFACE.startswith(self._begun):
            self._become(web.Server(self._answer, access_log=None)())

    def _become(self, protocol: asyncio.Protocol) -> None:
        assert self._transport is not None
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(self._begun)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        call = Call(
            request.method,
            request.raw_path,
            request.host,
            tuple((name.lower(), value) for name, value in request.headers.items()),
            await request.read(),
            f"HTTP/{request.version.major}.{request.version.minor}",
            self._alpn,
            request.remote or "",
        )
        reply = await self._handler(call)
        if reply.conversation is not None:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await reply.conversation(socket)
            return socket
        return _Response(status=reply.status, body=reply.body, headers=CIMultiDict(reply.headers))


class _Response(web.Response):
    """A response that does not tell which library made it."""

    async def _prepare_headers(self) -> None:
        named = "Server" in self.headers
        await super()._prepare_headers()
        if not named:
            del self.headers["Server"]


def http2(handler: HttpHandler, alpn: str = "") -> asyncio.Protocol:
    """A connection that is HTTP/2 from its first byte."""
    from pocketmesh.node.commands.http2 import Http2  # few clusters need it

    return Http2(handler, alpn)
