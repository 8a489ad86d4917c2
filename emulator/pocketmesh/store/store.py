"""The objects, in memory for reading and on disk before anyone is told.

Single-threaded by design: everything runs on the loop that owns the state. It knows two fields of
an object, `metadata.resourceVersion` and nothing else; what an object may say is decided above.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson

from pocketmesh.objects import Object
from pocketmesh.store.disk import Disk
from pocketmesh.store.errors import Conflict, Exists, Expired, Missing
from pocketmesh.store.index import Index
from pocketmesh.store.records import Event, EventType, Key, Stored
from pocketmesh.store.watch import Watch

KEPT_EVENTS: Final = 10_000
WATCH_BACKLOG: Final = 64 * 1024 * 1024
"""The most bytes of objects that may wait for one reader."""

_PAGE: Final = 100


class Store:
    """Create, read, update, delete, watch, snapshot and restore.

    Raises StoreInUse when another process serves `directory`, StoreUnusable when the disk refuses.
    """

    def __init__(self, directory: Path, *, kept_events: int = KEPT_EVENTS) -> None:
        self._disk = Disk(directory)
        self._kept = kept_events
        self._objects: dict[str, dict[tuple[str, str], Stored]] = {}
        self._indexes: dict[str, list[Index]] = {}
        self._watches: list[Watch] = []
        self._subscribers: list[Callable[[Event], None]] = []
        self._uncommitted: list[Event] | None = None
        self.revision = 1
        """The revision of the latest change; a list made now carries it."""
        self._load()

    def get(self, key: Key) -> Stored | None:
        """The current state of one object."""
        return self._objects.get(key.resource, {}).get((key.namespace, key.name))

    def objects(self, resource: str, namespace: str = "") -> list[Stored]:
        """All objects of a resource (of one namespace when given), by namespace and name."""
        found = self._objects.get(resource, {})
        rows = sorted(found.items())
        return [stored for place, stored in rows if not namespace or place[0] == namespace]

    def index(self, resource: str, values: Callable[[Object], Iterable[Hashable]]) -> Index:
        """Keeps the objects of a resource in order of what `values` finds in each, from now on."""
        found = Index(values)
        for place, stored in self._objects.get(resource, {}).items():
            found.move(place, None, stored.object)
        self._indexes.setdefault(resource, []).append(found)
        return found

    def resources(self) -> list[str]:
        """The resources that have at least one object."""
        return sorted(resource for resource, objects in self._objects.items() if objects)

    def create(self, key: Key, obj: Object) -> Stored:
        """Adds an object. Raises Exists."""
        if self.get(key) is not None:
            raise Exists(key.name)
        return self._commit([("ADDED", key, obj)])[0].stored

    def update(self, key: Key, obj: Object, *, expected: int | None = None) -> Stored:
        """Replaces an object. Raises Missing, or Conflict when `expected` is not its revision."""
        self._check(key, expected)
        return self._commit([("MODIFIED", key, obj)])[0].stored

    def delete(self, key: Key, *, expected: int | None = None) -> Stored:
        """Removes an object and returns its last state. Raises Missing or Conflict."""
        current = self._check(key, expected)
        return self._commit([("DELETED", key, current.object)])[0].stored

    @contextmanager
    def together(self) -> Iterator[None]:
        """Makes the changes of a block durable by one commit, and tells of them after it.

        The block must not await, so that nobody acts on what may still be undone. Raises StoreUnusable, or
        what the block raises: then none of its changes has happened.
        """
        if self._uncommitted is not None:
            yield
            return
        changes = self._uncommitted = []
        try:
            with self._disk.change():
                yield
                self._disk.forget(self.revision - self._kept)
        except BaseException:
            for event in reversed(changes):
                self._undo(event)
            raise
        finally:
            self._uncommitted = None
        for event in changes:
            self._tell(event)

    def watch(self, resource: str, *, namespace: str = "", since: int | None = None) -> Watch:
        """Changes of one resource after revision `since` (None: from now on). Raises Expired."""
        since = self.revision if since is None else since
        self._check_kept(since)

        def matches(event: Event) -> bool:
            key = event.key
            return key.resource == resource and (not namespace or key.namespace == namespace)

        replay = self._replay(resource, namespace, since, self.revision)
        watch = Watch(matches, replay, self._watches.remove, WATCH_BACKLOG)
        self._watches.append(watch)
        return watch

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Calls back on every change, right after it is durable; returns what ends it."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def snapshot(self, snapshot: str, *, without: Iterable[str] = ()) -> None:
        """Remembers the current objects, but for the resources in `without`, under a name; replaces."""
        left_out = set(without)
        with self._disk.change() as cursor:
            cursor.execute("DELETE FROM snapshots WHERE snapshot = ?", (snapshot,))
            cursor.executemany(
                "INSERT INTO snapshots VALUES (?, ?, ?, ?, ?)",
                (
                    (snapshot, *stored.key, stored.body)
                    for resource, objects in self._objects.items()
                    if resource not in left_out
                    for stored in objects.values()
                ),
            )

    def restore(self, snapshot: str, *, keep: Iterable[str] = ()) -> int:
        """Brings back the objects of a snapshot as ordinary changes, and says how many there were.

        The revision goes on counting, so a watcher sees each difference as an event. Resources in
        `keep` are left as they are. Raises Missing when there is no such snapshot.
        """
        saved = self._disk.snapshot(snapshot)
        if saved is None:
            raise Missing(snapshot)
        kept = set(keep)
        changes: list[tuple[EventType, Key, Object]] = []
        for resource, objects in self._objects.items():
            if resource in kept:
                continue
            for stored in objects.values():
                if stored.key not in saved:
                    changes.append(("DELETED", stored.key, stored.object))
        for key, body in saved.items():
            if key.resource in kept:
                continue
            current = self.get(key)
            if current is None:
                changes.append(("ADDED", key, orjson.loads(body)))
            elif current.body != body:
                obj = orjson.loads(body)
                if _without_revision(current.object) != _without_revision(obj):
                    changes.append(("MODIFIED", key, obj))
        if changes:
            self._commit(changes)
        return len(changes)

    def close(self) -> None:
        """Ends every watch and gives the state free."""
        for watch in list(self._watches):
            watch.close()
        self._disk.close()

    def _replay(self, resource: str, namespace: str, last: int, until: int) -> Iterator[Event]:
        """The changes of a past, read as they are asked for, so that a long one is never in memory.

        Raises Expired when the reader is so slow that they are forgotten meanwhile.
        """
        while last < until:
            self._check_kept(last)
            page = self._disk.events(resource, namespace, last, until, _PAGE)
            yield from page
            last = page[-1].revision if len(page) == _PAGE else until

    def _check_kept(self, since: int) -> None:
        oldest = self._disk.oldest_event() or self.revision + 1
        if since < oldest - 1:
            raise Expired(f"too old resource version: {since} ({oldest})")

    def _check(self, key: Key, expected: int | None) -> Stored:
        current = self.get(key)
        if current is None:
            raise Missing(key.name)
        if expected is not None and expected != current.revision:
            raise Conflict(key.name)
        return current

    def _commit(self, changes: list[tuple[EventType, Key, Object]]) -> list[Event]:
        events: list[Event] = []
        with self.together():
            for kind, key, obj in changes:
                stored = _stamp(key, self.revision + 1, obj)
                event = Event(kind, stored.revision, stored, self.get(key))
                self._disk.write(event)
                self._remember(event)
                events.append(event)
        return events

    def _remember(self, event: Event) -> None:
        assert self._uncommitted is not None
        self._uncommitted.append(event)
        self.revision = event.revision
        self._put(event.key, event.stored if event.type != "DELETED" else None)

    def _undo(self, event: Event) -> None:
        self.revision = event.revision - 1
        self._put(event.key, event.previous)

    def _put(self, key: Key, stored: Stored | None) -> None:
        objects, place = self._objects.setdefault(key.resource, {}), (key.namespace, key.name)
        before = objects.get(place)
        if stored is None:
            objects.pop(place, None)
        else:
            objects[place] = stored
        for index in self._indexes.get(key.resource, ()):
            index.move(place, before.object if before else None, stored.object if stored else None)

    def _tell(self, event: Event) -> None:
        for watch in self._watches:
            watch.offer(event)
        for subscriber in list(self._subscribers):
            subscriber(event)

    def _load(self) -> None:
        for stored in self._disk.objects():
            self._put(stored.key, stored)
            self.revision = max(self.revision, stored.revision)
        self.revision = max(self.revision, self._disk.newest_event() or 0)


def _stamp(key: Key, revision: int, obj: Object) -> Stored:
    stamped = {**obj, "metadata": {**obj.get("metadata", {}), "resourceVersion": str(revision)}}
    body = orjson.dumps(stamped)
    return Stored(key, revision, orjson.loads(body), body)


def _without_revision(obj: Object) -> Object:
    metadata = {
        field: value for field, value in obj.get("metadata", {}).items() if field != "resourceVersion"
    }
    return {**obj, "metadata": metadata}
