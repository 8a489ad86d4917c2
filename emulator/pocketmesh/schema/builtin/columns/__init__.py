"""Printer columns of the built-in kinds (upstream: kubernetes `pkg/printers/internalversion`)."""

from __future__ import annotations

from pocketmesh.schema import ages
from pocketmesh.schema.kind import Column

_NAME = Column("Name", "string", "name", "", 0, lambda obj, _now: obj["metadata"]["name"])
_AGE = Column(
    "Age",
    "string",
    "",
    "",
    0,
    lambda obj, now: ages.since(obj["metadata"].get("creationTimestamp"), now),
)


def columns(_resource: str) -> tuple[Column, ...]:
    """The columns of a resource; name and age for those without columns of their own."""
    return (_NAME, _AGE)
