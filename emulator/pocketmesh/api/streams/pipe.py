"""Bytes from one coroutine to another, in order, with a bound on what waits in between."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

LIMIT: Final = 256 * 1024


class Pipe:
    """`put` waits while more than `limit` bytes are unread; `read` waits while there are none."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._changed = asyncio.Event()

    async def put(self, data: bytes) -> None:
        """Appends; what comes after the end is dropped."""
        while self._size >= self._limit and not self._ended:
            await self._change()
        if data and not self._ended:
            self._chunks.append(data)
            self._size += len(data)
            self._changed.set()

    def end(self) -> None:
        """No more will come: readers get the rest, then nothing."""
        self._ended = True
        self._changed.set()

    async def read(self, limit: int = 65536, /) -> bytes:
        """Some bytes as soon as there are any; empty at the end."""
        while not self._chunks:
            if self._ended:
                return b""
            await self._change()
        chunk = self._chunks.popleft()
        if len(chunk) > limit:
            self._chunks.appendleft(chunk[limit:])
            chunk = chunk[:limit]
        self._size -= len(chunk)
        self._changed.set()
        return chunk

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
