"""A connection copied into another, with the bytes counted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

Ended = Callable[[int, int], None]
"""Told once, at the end: the bytes from the client and the bytes to it."""


class _Half(asyncio.Protocol):
    """One of the two connections. Whoever reads faster than the other writes is held back."""

    def __init__(self) -> None:
        self.peer: _Half
        self.transport: asyncio.Transport | None = None
        self.received = 0
        self.ended = False
        self.lost = False
        self.on_lost: Callable[[], None] = lambda: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self.peer.transport is None:
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


async def relay(client: socket.socket, pipe: Path, preface: bytes, ended: Ended) -> Callable[[], None]:
    """Connects an accepted client to a unix socket, writing `preface` there first.

    Returns what breaks both off. Raises OSError when nobody listens at `pipe`.
    """
    loop = asyncio.get_running_loop()
    near, far = _Half(), _Half()
    near.peer, far.peer = far, near

    def finished() -> None:
        if near.lost and far.lost:
            ended(near.received, far.received)

    near.on_lost = far.on_lost = finished
    transport, _ = await loop.create_unix_connection(lambda: far, str(pipe))
    transport.write(preface)
    await loop.connect_accepted_socket(lambda: near, client)

    def abort() -> None:
        for half in (near, far):
            if half.transport is not None:
                half.transport.abort()

    return abort
