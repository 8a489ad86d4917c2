"""Takes a connection away from the HTTP server after `101 Switching Protocols`, TLS and all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import web


class _Handover(asyncio.StreamReaderProtocol):
    """Feeds a reader, and still tells the HTTP server when the connection is lost."""

    def __init__(self, reader: asyncio.StreamReader, server: asyncio.BaseProtocol) -> None:
        super().__init__(reader)
        self._server = server

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._server.connection_lost(exc)


class Socket:
    """The connection as a Wire."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self) -> bytes:
        try:
            return await self._reader.read(65536)
        except ConnectionError:
            return b""

    async def send(self, data: bytes) -> None:
        if self._writer.is_closing():
            raise ConnectionResetError("the client is gone")
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        self._writer.close()


async def take_over(
    request: web.BaseRequest, protocol: str, headers: Mapping[str, str]
) -> tuple[web.StreamResponse, Socket]:
    """Answers 101 with `Upgrade: protocol`; from then on the bytes belong to the Socket.

    The response is to be returned to the HTTP server when the conversation is over.
    Raises ConnectionResetError when the client has gone already.
    """
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client is gone")
    response = web.StreamResponse(
        status=101, headers={"Connection": "Upgrade", "Upgrade": protocol, **headers}
    )
    await response.prepare(request)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    handover = _Handover(reader, transport.get_protocol())
    transport.set_protocol(handover)
    handover.connection_made(transport)
    return response, Socket(reader, asyncio.StreamWriter(transport, handover, reader, loop))
