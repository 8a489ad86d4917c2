"""A container's log: lines with the time each was written, read back by `kubectl logs`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pocketmesh.clock import Clock

KEPT_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One line, with its newline, and when its first byte came."""

    time: datetime
    data: bytes


class ContainerLog:
    """The lines of one run of a container. The oldest go when more than 4 MiB are kept."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: deque[Line] = deque()
        self._bytes = 0
        self._written = 0
        self._partial: dict[str, Line] = {}
        self._more = asyncio.Event()
        self.closed = False
        """Whether the container has ended, so that nothing will follow."""

    def write(self, data: bytes, stream: str = "stdout") -> None:
        """Appends what the process wrote; a line counts when its newline has come."""
        now = self._clock.now()
        partial = self._partial.pop(stream, None)
        for piece in data.splitlines(keepends=True) if b"\r" not in data else _lines(data):
            line = Line(partial.time, partial.data + piece) if partial else Line(now, piece)
            partial = None
            if line.data.endswith(b"\n"):
                self._append(line)
            else:
                self._partial[stream] = line

    def close(self) -> None:
        """Ends the log; a line without newline is kept as it is."""
        for line in self._partial.values():
            self._append(line)
        self._partial.clear()
        self.closed = True
        self._wake()

    def lines(self) -> list[Line]:
        """The complete lines kept, oldest first."""
        return list(self._lines)

    async def follow(self, skip: int = 0) -> AsyncIterator[Line]:
        """The kept lines but for the first `skip`, then each new one, until the container ends."""
        position = self._written - len(self._lines) + skip
        while True:
            missing = self._written - position
            if missing > 0:
                lines = list(self._lines)[-missing:]
                position = self._written
                for line in lines:
                    yield line
            elif self.closed:
                return
            else:
                await self._more.wait()

    def _append(self, line: Line) -> None:
        self._lines.append(line)
        self._bytes += len(line.data)
        self._written += 1
        while self._bytes > KEPT_BYTES:
            self._bytes -= len(self._lines.popleft().data)
        self._wake()

    def _wake(self) -> None:
        self._more.set()
        self._more = asyncio.Event()


def _lines(data: bytes) -> list[bytes]:
    pieces = data.split(b"\n")
    return [piece + b"\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
