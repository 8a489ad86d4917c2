"""A connection copied into another, with the bytes counted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

Ended = Callable[[int, int], None]
"""Told once, at the end: the bytes from the client and the bytes to it."""


class Half(asyncio.Protocol):
    """One of the two connections; `peer` must be set before it is made. It begins with sending `first`.

    Whoever reads faster than the other writes is held back.
    """

    def __init__(self) -> None:
        self.peer: Half
        self.first = b""
        self.transport: asyncio.Transport | None = None
        self.received = 0
        self.ended = False
        self.lost = False
        self.on_lost: Callable[[], None] = lambda: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self.first:
            transport.write(self.first)
        if self.peer.lost:
            transport.close()
        elif self.peer.transport is None:
            transport.pause_reading()
        else:
            self.peer.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self.peer.transport is not None:
            self.peer.transport.write(data)

    def eof_received(self) -> bool:
        self.ended = True
        if self.peer.ended:
            return False
        if self.peer.transport is not None and not self.peer.transport.is_closing():
            self.peer.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self.peer.transport is not None:
            self.peer.transport.close()
        self.on_lost()

    def pause_writing(self) -> None:
        if self.peer.transport is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer.transport is not None:
            self.peer.transport.resume_reading()


Connect: TypeAlias = Callable[[Half, tuple[str, int]], Awaitable[object]]
"""Makes a connection with this protocol at our end, for a client at this address. Raises OSError."""


class Forward(Half):
    """An accepted connection that is copied into another one; broken off when that cannot be made."""

    def __init__(self, connect: Connect) -> None:
        super().__init__()
        self.peer = Half()
        self.peer.peer = self
        self._connect = connect
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.Transport)
        self._connecting = asyncio.create_task(self._go_on(transport))

    async def _go_on(self, client: asyncio.Transport) -> None:
        try:
            await self._connect(self.peer, client.get_extra_info("peername"))
        except OSError:
            client.abort()


def to_pipe(pipe: Path, first: bytes = b"") -> Forward:
    """A connection that goes on to a unix socket, which is sent `first` ahead."""

    async def connect(far: Half, client: tuple[str, int]) -> None:
        far.first = first
        await asyncio.get_running_loop().create_unix_connection(lambda: far, str(pipe))

    return Forward(connect)


async def relay(client: socket.socket, pipe: Path, preface: bytes, ended: Ended) -> Callable[[], None]:
    """Connects an accepted client to a unix socket, writing `preface` there first.

    Returns what breaks both off. Raises OSError when nobody listens at `pipe`.
    """
    loop = asyncio.get_running_loop()
    near, far = Half(), Half()
    near.peer, far.peer, far.first = far, near, preface

    def finished() -> None:
        if near.lost and far.lost:
            ended(near.received, far.received)

    near.on_lost = far.on_lost = finished
    await loop.create_unix_connection(lambda: far, str(pipe))
    await loop.connect_accepted_socket(lambda: near, client)

    def abort() -> None:
        for half in (near, far):
            if half.transport is not None:
                half.transport.abort()

    return abort
