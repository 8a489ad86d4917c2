"""One reader of changes. Whoever falls too far behind is cut off, so no queue grows without end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from pocketmesh.store.errors import Expired
from pocketmesh.store.records import Event


class Watch:
    """An async iterator over events, in order and without gaps.

    Iteration ends after `close`. Raises Expired when more than `limit` events wait unread.
    """

    def __init__(
        self,
        matches: Callable[[Event], bool],
        replay: Iterable[Event],
        on_close: Callable[[Watch], None],
        limit: int,
    ) -> None:
        self._matches = matches
        self._events = deque(replay)
        self._on_close = on_close
        self._limit = limit
        self._arrived = asyncio.Event()
        self._closed = False
        self._overrun = False

    def offer(self, event: Event) -> None:
        """Queues an event that this reader is interested in."""
        if self._closed or self._overrun or not self._matches(event):
            return
        if len(self._events) >= self._limit:
            self._overrun = True
            self._events.clear()
        else:
            self._events.append(event)
        self._arrived.set()

    def pending(self) -> Event | None:
        """The next event if one waits already."""
        return self._events.popleft() if self._events else None

    def close(self) -> None:
        """Ends the iteration; harmless when repeated."""
        if not self._closed:
            self._closed = True
            self._on_close(self)
            self._arrived.set()

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> Event:
        while True:
            if self._events:
                return self._events.popleft()
            if self._overrun:
                raise Expired("the reader fell behind")
            if self._closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
