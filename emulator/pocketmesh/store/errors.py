"""What can go wrong in the store.

StoreError
├── StoreInUse      another process holds this state
├── StoreUnusable   the disk refuses: full, read-only, damaged
├── Exists          create, and it is there
├── Missing         update or delete, and it is not there
├── Conflict        the revision that the caller read is not the current one
└── Expired         watch from a revision that is no longer kept
"""

from __future__ import annotations


class StoreError(Exception):
    """Any refusal of the store."""


class StoreInUse(StoreError):
    """Another process holds the state directory."""


class StoreUnusable(StoreError):
    """The state cannot be read or written; the message carries the operating system's reason."""


class Exists(StoreError):
    """An object with this key is there already."""


class Missing(StoreError):
    """No object with this key."""


class Conflict(StoreError):
    """The object changed since the caller read it."""


class Expired(StoreError):
    """The revision asked for is older than the oldest kept, or the reader fell too far behind."""
