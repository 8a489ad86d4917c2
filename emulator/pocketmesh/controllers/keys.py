"""Which keys a change concerns, for the controllers whose keys are (namespace, name)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from pocketmesh.objects import controller_of
from pocketmesh.store import Event

Place: TypeAlias = tuple[str, str]


def own(event: Event, resource: str) -> Iterable[Place]:
    """The object itself when it is of `resource`."""
    if event.key.resource == resource:
        yield (event.key.namespace, event.key.name)


def own_and_controlled(event: Event, resource: str, kind: str, child: str) -> Iterable[Place]:
    """The object itself, and the controller of `kind` that a changed `child` has or had."""
    yield from own(event, resource)
    if event.key.resource == child:
        for stored in (event.stored, event.previous):
            controller = controller_of(stored.object) if stored else None
            if controller is not None and controller["kind"] == kind:
                yield (event.key.namespace, controller["name"])
