"""What drives every controller: changes become keys, and each key is looked at until it is as wanted.

A reconciler is told a key and never a change, so that missing, repeating or reordering a change does no
harm. The queue knows nothing of what the keys mean, and it never sleeps: time is the clock's.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final, Protocol, TypeAlias

from pocketmesh.clock import Clock
from pocketmesh.store import Event, Store, StoreUnusable

FIRST_RETRY: Final = 0.005
LONGEST_RETRY: Final = 1000.0
_SOON_TRIED: Final = 5
"""Failures in a row up to which the next attempt is a matter of milliseconds."""

_log = logging.getLogger(__name__)


class Reconciler(Protocol):
    """One controller."""

    @property
    def name(self) -> str:
        """What the log calls it."""
        ...

    def concerns(self, event: Event) -> Iterable[Hashable]:
        """The keys to look at again because of a change."""
        ...

    def reconcile(self, key: Any) -> float | None:
        """Makes the world as wanted for one key.

        Returns the seconds after which it wants to be called again whatever happens, None for never.
        Raising means: retried after a pause that doubles each time.
        """
        ...


_Item: TypeAlias = tuple[Reconciler, Hashable]


class Runtime:
    """The work queue of all controllers of a process.

    The pauses between retries are client-go's: 5 ms doubling up to 1,000 s
    (client-go util/workqueue/default_rate_limiters.go).
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._reconcilers: list[Reconciler] = []
        self._queue: dict[_Item, None] = {}
        self._due: dict[_Item, datetime] = {}
        self._timetable: list[tuple[datetime, int, _Item]] = []
        self._order = count()
        self._failures: dict[_Item, int] = {}
        self._beside: list[_Item] = []
        self._awake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._unsubscribe = store.subscribe(self._changed)

    def add(self, reconciler: Reconciler) -> None:
        """Starts a controller; every object that exists is shown to it as if it had just been added."""
        self._reconcilers.append(reconciler)
        for resource in self._store.resources():
            for stored in self._store.objects(resource):
                self._show(reconciler, Event("ADDED", stored.revision, stored, None))

    def remove(self, reconciler: Reconciler) -> None:
        """Stops a controller; what it still had to do is forgotten."""
        with suppress(ValueError):
            self._reconcilers.remove(reconciler)
        for items in (self._queue, self._due, self._failures):
            for item in [item for item in items if item[0] is reconciler]:
                del items[item]

    def again(self, reconciler: Reconciler, key: Hashable, after: float = 0.0) -> None:
        """Asks that a key be looked at, now or after some seconds."""
        item = (reconciler, key)
        if after <= 0:
            self._due.pop(item, None)
            self._queue[item] = None
            self._idle.clear()
        else:
            due = self._clock.now() + timedelta(seconds=after)
            self._due[item] = due
            heapq.heappush(self._timetable, (due, next(self._order), item))
        self._awake.set()

    def drain(self) -> None:
        """Works until nothing is due at the clock's present time; for a loop that is not running."""
        while self._step():
            pass

    async def run(self) -> None:
        """Works for ever, giving way to the rest of the process after each key."""
        while True:
            self._awake.clear()
            while self._step():  # noqa: ASYNC110 - it does not wait, it lets the others in
                await asyncio.sleep(0)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._awake.wait()

    async def settled(self) -> None:
        """Returns when no key waits to be looked at now; those of a later time do not count."""
        while self._queue:
            await self._idle.wait()

    def behind(self) -> Iterator[str]:
        """Which keys are looked at now or are soon tried again, and what goes on beside the queue."""
        tried = (item for item in self._due if 0 < self._failures.get(item, 0) <= _SOON_TRIED)
        for reconciler, key in (*self._queue, *tried, *self._beside):
            yield f"{reconciler.name}: {key}"

    @contextmanager
    def beside(self, reconciler: Reconciler, key: Hashable) -> Iterator[None]:
        """Marks what a reconciler does in a task of its own, as long as the block runs."""
        item = (reconciler, key)
        self._beside.append(item)
        try:
            yield
        finally:
            self._beside.remove(item)

    def wake(self) -> None:
        """Makes `run` read the clock again, after a test has set it forward."""
        self._awake.set()

    def close(self) -> None:
        """Stops listening to the store."""
        self._unsubscribe()

    def _changed(self, event: Event) -> None:
        for reconciler in list(self._reconcilers):
            self._show(reconciler, event)

    def _show(self, reconciler: Reconciler, event: Event) -> None:
        """The change is made already, so a controller that cannot read it must not make its writer fail."""
        try:
            for key in reconciler.concerns(event):
                self.again(reconciler, key)
        except Exception:
            _log.exception("%s cannot tell what %s concerns", reconciler.name, event.key)

    def _step(self) -> bool:
        self._take_due()
        if not self._queue:
            self._idle.set()
            return False
        item = next(iter(self._queue))
        del self._queue[item]
        self._due.pop(item, None)
        reconciler, key = item
        try:
            after = reconciler.reconcile(key)
        except Exception as error:
            failures = self._failures[item] = self._failures.get(item, 0) + 1
            # A disk that refuses is nobody's mistake here: its words are enough.
            trace = not isinstance(error, StoreUnusable)
            message = "%s %s failed %d times in a row: %s"
            _log.error(message, reconciler.name, key, failures, error, exc_info=trace)
            after = min(FIRST_RETRY * 2 ** min(failures - 1, 30), LONGEST_RETRY)
        else:
            self._failures.pop(item, None)
        if after is not None and item not in self._queue and reconciler in self._reconcilers:
            self.again(reconciler, key, after)
        if not self._queue:
            self._idle.set()
        return True

    def _take_due(self) -> None:
        now = self._clock.now()
        while self._timetable and self._timetable[0][0] <= now:
            due, _, item = heapq.heappop(self._timetable)
            if self._due.get(item) == due:
                del self._due[item]
                self._queue[item] = None
                self._idle.clear()

    def _pause(self) -> float | None:
        if not self._timetable:
            return None
        return max(0.0, (self._timetable[0][0] - self._clock.now()).total_seconds())
