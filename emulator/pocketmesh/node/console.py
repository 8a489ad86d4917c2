"""The standard streams of a container's main process: its log, and whoever is attached to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from pocketmesh.node.log import ContainerLog

Sink: TypeAlias = Callable[[bytes], Awaitable[None]]


class Pipe:
    """Bytes from one side to the other, in order."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._closed = False
        self._arrived = asyncio.Event()

    def feed(self, data: bytes) -> None:
        """Adds bytes; those that come after the end are dropped."""
        if not self._closed:
            self._buffer += data
            self._arrived.set()

    def unread(self) -> bytes:
        """What nobody has read, taken out."""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def close(self) -> None:
        """The reader sees the end after what is there."""
        self._closed = True
        self._arrived.set()

    async def read(self, limit: int = 65536, /) -> bytes:
        while not self._buffer and not self._closed:
            self._arrived.clear()
            await self._arrived.wait()
        chunk = bytes(self._buffer[:limit])
        del self._buffer[:limit]
        return chunk


class Console:
    """What a main process reads and writes."""

    def __init__(self, log: ContainerLog, *, stdin: bool) -> None:
        self._log = log
        self._sinks: dict[str, list[Sink]] = {"stdout": [], "stderr": []}
        self.stdin = Pipe()
        self.ended = asyncio.Event()
        if not stdin:
            self.stdin.close()

    def attach(self, stdout: Sink, stderr: Sink) -> Callable[[], None]:
        """Copies output from now on; returns what stops that."""
        self._sinks["stdout"].append(stdout)
        self._sinks["stderr"].append(stderr)

        def detach() -> None:
            self._sinks["stdout"].remove(stdout)
            self._sinks["stderr"].remove(stderr)

        return detach

    def output(self, stream: str) -> Stream:
        """Standard output (`stdout`) or error (`stderr`)."""
        return Stream(self._log, stream, self._sinks[stream])


class Stream:
    """One of the two outputs of a main process."""

    def __init__(self, log: ContainerLog, name: str, sinks: list[Sink]) -> None:
        self._log = log
        self._name = name
        self._sinks = sinks

    async def write(self, data: bytes, /) -> None:
        self._log.write(data, self._name)
        for sink in list(self._sinks):
            try:
                await sink(data)
            except ConnectionError:  # the client left; the program goes on
                continue


class Captured:
    """Output kept in memory."""

    def __init__(self) -> None:
        self._data = bytearray()

    async def write(self, data: bytes, /) -> None:
        self._data += data

    def text(self) -> str:
        """What was written."""
        return self._data.decode(errors="replace")
