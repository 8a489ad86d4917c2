"""The store's file: SQLite in WAL mode, one writer, one transaction for each change.

A commit in WAL mode survives the death of the process at any moment; it may lose the last
changes only when the machine itself loses power (https://www.sqlite.org/wal.html).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from pocketmesh.store.errors import StoreInUse, StoreUnusable
from pocketmesh.store.records import Event, EventType, Key, Stored

_TABLES = """
CREATE TABLE IF NOT EXISTS objects (
  resource TEXT, namespace TEXT, name TEXT, revision INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
  revision INTEGER PRIMARY KEY, type TEXT NOT NULL, resource TEXT, namespace TEXT, name TEXT,
  body BLOB NOT NULL, previous BLOB, previous_revision INTEGER);
CREATE TABLE IF NOT EXISTS snapshots (
  snapshot TEXT, resource TEXT, namespace TEXT, name TEXT, body BLOB NOT NULL,
  PRIMARY KEY (snapshot, resource, namespace, name)) WITHOUT ROWID;
"""


class Disk:
    """The rows, as rows; no notion of what an object means."""

    def __init__(self, directory: Path) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnusable(f"{directory}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise StoreInUse(f"{directory}: another process serves this state") from error
        try:
            # SQLite gives its other files the mode of this one.
            os.close(os.open(directory / "state.sqlite", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(directory / "state.sqlite", isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_TABLES)
        except (sqlite3.Error, OSError) as error:
            os.close(self._lock)
            raise StoreUnusable(f"{directory}: {error}") from error

    @contextmanager
    def change(self) -> Iterator[sqlite3.Cursor]:
        """One transaction: all of it is kept, or nothing. Raises StoreUnusable when the disk refuses."""
        try:
            cursor = self._db.execute("BEGIN IMMEDIATE")
            yield cursor
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreUnusable(str(error)) from error
        finally:
            # A disk that refused may have ended the transaction already.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def objects(self) -> Iterator[Stored]:
        """Every object. Raises StoreUnusable."""
        for resource, namespace, name, revision, body in self._execute("SELECT * FROM objects"):
            yield Stored(Key(resource, namespace, name), revision, orjson.loads(body), body)

    def write(self, event: Event) -> None:
        """Puts a change and its history line into the open transaction. Raises StoreUnusable."""
        stored, previous = event.stored, event.previous
        if event.type == "DELETED":
            self._execute("DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?", stored.key)
        else:
            row = (*stored.key, stored.revision, stored.body)
            self._execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", row)
        before = (previous.body, previous.revision) if previous else (None, None)
        self._execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (event.revision, event.type, *stored.key, stored.body, *before),
        )

    def forget(self, revision: int) -> None:
        """Drops the history up to and including a revision. Raises StoreUnusable."""
        self._execute("DELETE FROM events WHERE revision <= ?", (revision,))

    def events(self, resource: str, namespace: str, since: int, until: int, limit: int) -> list[Event]:
        """The first kept changes of a resource (of one namespace when given) after `since`, up to `until`.

        Raises StoreUnusable.
        """
        rows = self._execute(
            "SELECT * FROM events WHERE revision > ? AND revision <= ? AND resource = ?"
            " AND (? = '' OR namespace = ?) ORDER BY revision LIMIT ?",
            (since, until, resource, namespace, namespace, limit),
        )
        return [_event(*row) for row in rows]

    def oldest_event(self) -> int | None:
        """The first revision that can still be replayed."""
        return self._one("SELECT MIN(revision) FROM events")

    def newest_event(self) -> int | None:
        """The last revision written."""
        return self._one("SELECT MAX(revision) FROM events")

    def snapshot(self, snapshot: str) -> dict[Key, bytes] | None:
        """The objects of a snapshot, None when there is none of this name."""
        rows = self._execute(
            "SELECT resource, namespace, name, body FROM snapshots WHERE snapshot = ?", (snapshot,)
        )
        return {Key(resource, namespace, name): body for resource, namespace, name, body in rows} or None

    def close(self) -> None:
        """Closes the file and gives the state free."""
        self._db.close()
        os.close(self._lock)

    def _one(self, query: str) -> int | None:
        value: int | None = self._execute(query)[0][0]
        return value

    def _execute(self, query: str, parameters: tuple[object, ...] = ()) -> list[Any]:
        try:
            return self._db.execute(query, parameters).fetchall()
        except sqlite3.Error as error:
            raise StoreUnusable(str(error)) from error


def _event(
    revision: int,
    kind: EventType,
    resource: str,
    namespace: str,
    name: str,
    body: bytes,
    previous_body: bytes | None,
    previous_revision: int | None,
) -> Event:
    key = Key(resource, namespace, name)
    previous = None
    if previous_body is not None and previous_revision is not None:
        previous = Stored(key, previous_revision, orjson.loads(previous_body), previous_body)
    return Event(kind, revision, Stored(key, revision, orjson.loads(body), body), previous)
