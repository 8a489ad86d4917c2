"""One reader of changes. Whoever falls too far behind is cut off, so no queue grows without end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from pocketmesh.store.errors import Expired
from pocketmesh.store.records import Event

_OVERHEAD: Final = 1024


class Watch:
    """An async iterator over events, in order and without gaps: first the replay, then what happens.

    Iteration ends after `close`. Raises Expired when events of more than `limit` bytes wait unread.
    """

    def __init__(
        self,
        matches: Callable[[Event], bool],
        replay: Iterator[Event],
        on_close: Callable[[Watch], None],
        limit: int,
    ) -> None:
        self._matches = matches
        self._replay = replay
        self._events: deque[Event] = deque()
        self._waiting = 0
        self._on_close = on_close
        self._limit = limit
        self._arrived = asyncio.Event()
        self._closed = False
        self._overrun = False

    def offer(self, event: Event) -> None:
        """Queues an event that this reader is interested in."""
        if self._closed or self._overrun or not self._matches(event):
            return
        self._waiting += _size(event)
        if self._waiting > self._limit:
            self._give_up()
        else:
            self._events.append(event)
        self._arrived.set()

    def pending(self) -> Event | None:
        """The next event if one waits already."""
        if self._overrun:
            return None
        try:
            event = next(self._replay, None)
        except Expired:
            self._give_up()
            return None
        if event is None and self._events:
            event = self._events.popleft()
            self._waiting -= _size(event)
        return event

    def close(self) -> None:
        """Ends the iteration; harmless when repeated."""
        if not self._closed:
            self._closed = True
            self._replay = iter(())
            self._on_close(self)
            self._arrived.set()

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> Event:
        while True:
            event = self.pending()
            if event is not None:
                return event
            if self._overrun:
                raise Expired("the reader fell behind")
            if self._closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()

    def _give_up(self) -> None:
        self._overrun = True
        self._events.clear()


def _size(event: Event) -> int:
    return len(event.stored.body) + _OVERHEAD
