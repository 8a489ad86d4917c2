"""What a check looked at: its claims, its requests with their answers, the objects and the logs it read.

Kept for `labcheck explain`. Of a look that is repeated until it settles only the last round is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["claim", "request", "read", "log"]

_LONG = 2000
"""Characters of one result that are kept."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a check did: what it claimed, sent or read, and what came of it."""

    kind: Kind
    text: str
    result: str


class Journal:
    """The entries of one task's check."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.objects: dict[str, Mapping[str, Any]] = {}
        """The objects that were read, by `HTTPRoute orchard/helloworld`."""

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def requested(self) -> bool:
        """Whether a request was sent."""
        return any(entry.kind == "request" for entry in self.entries)

    @property
    def logs(self) -> bool:
        """Whether a container's log was read."""
        return any(entry.kind == "log" for entry in self.entries)

    def add(self, kind: Kind, text: str, result: str) -> None:
        entry = Entry(kind, text, result[:_LONG])
        if not self.entries or self.entries[-1] != entry:
            self.entries.append(entry)

    def sampled(self, command: str, n: int, result: str) -> None:
        """`n` requests, of which the command sends one; never taken for a repetition of those before."""
        self.entries.append(Entry("request", f"{command}   # {n} times", result[:_LONG]))

    def keep(self, ref: str, obj: Mapping[str, Any]) -> None:
        """An object as it was read, without the bookkeeping of who wrote which field."""
        metadata = {key: it for key, it in (obj.get("metadata") or {}).items() if key != "managedFields"}
        self.objects[ref] = {**obj, "metadata": metadata}

    def rewind(self, length: int) -> None:
        """Forgets the entries after the first `length`."""
        del self.entries[length:]

    def clear(self) -> None:
        self.entries.clear()
        self.objects = {}
