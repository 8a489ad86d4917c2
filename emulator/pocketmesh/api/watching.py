"""What a watcher sees of a change: pure decisions over store events.

A watch with a selector must show an object that starts to match as ADDED and one that stops to
match as DELETED; without the previous state nobody could tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from pocketmesh.api.selectors import Selection
from pocketmesh.store import Event, EventType, Stored, Watch

Convert = Callable[[Stored], Stored]


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a watch, in the version that was asked for."""

    type: EventType
    stored: Stored


def seen(event: Event, selection: Selection) -> EventType | None:
    """What the change looks like through a selection; None when it cannot be seen."""
    if not selection:
        return event.type
    before = event.previous is not None and selection.matches(event.previous.object)
    if event.type == "DELETED":
        return "DELETED" if before or selection.matches(event.object) else None
    now = selection.matches(event.object)
    if now:
        return "MODIFIED" if before else "ADDED"
    return "DELETED" if before else None


@dataclass(frozen=True, slots=True)
class Watching:
    """An open watch: the state it starts with, the revision of that state, and then the changes.

    `initial` is empty when the watch goes on from a given revision.
    """

    initial: list[Stored]
    revision: int
    events: Watch
    selection: Selection
    convert: Convert

    def change(self, event: Event) -> Change | None:
        """The event as this watcher sees it."""
        kind = seen(event, self.selection)
        if kind is None:
            return None
        if kind == "DELETED" and event.type != "DELETED" and event.previous is not None:
            return Change(kind, self.convert(_at(event.previous, event.revision)))
        return Change(kind, self.convert(event.stored))

    def pending(self) -> Change | None:
        """The next change that waits already."""
        while (event := self.events.pending()) is not None:
            if (change := self.change(event)) is not None:
                return change
        return None

    def close(self) -> None:
        """Ends the watch."""
        self.events.close()

    def __aiter__(self) -> Watching:
        return self

    async def __anext__(self) -> Change:
        """Raises Expired when this reader fell too far behind."""
        while True:
            change = self.change(await self.events.__anext__())
            if change is not None:
                return change


def _at(stored: Stored, revision: int) -> Stored:
    """The last state that matched, dated by the change that ended it, as the watch cache sends it."""
    metadata = {**stored.object["metadata"], "resourceVersion": str(revision)}
    obj = {**stored.object, "metadata": metadata}
    return Stored(stored.key, revision, obj, orjson.dumps(obj))
