"""A pod's port whose connections go on to a unix socket, as Envoy's admin interface is reached."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path


class Forward(asyncio.Protocol):
    """One accepted connection. It is closed when nobody listens at the socket."""

    def __init__(self, pipe: Path) -> None:
        self._pipe = pipe
        self._tasks: set[asyncio.Task[None]] = set()
        self._reader = asyncio.StreamReader()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._tasks.add(asyncio.create_task(self._forward(transport)))

    def data_received(self, data: bytes) -> None:
        self._reader.feed_data(data)

    def eof_received(self) -> bool:
        self._reader.feed_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._reader.feed_eof()
        for task in self._tasks:
            task.cancel()

    async def _forward(self, client: asyncio.Transport) -> None:
        try:
            answers, requests = await asyncio.open_unix_connection(str(self._pipe))
        except OSError:
            client.abort()
            return
        asking = asyncio.create_task(_copy(self._reader, requests))
        try:
            while data := await answers.read(65536):
                client.write(data)
        finally:
            asking.cancel()
            requests.close()
            client.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
