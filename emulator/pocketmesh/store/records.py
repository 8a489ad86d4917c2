"""The values that the store hands out. All of them are shared and must not be changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from pocketmesh.objects import Object

EventType: TypeAlias = Literal["ADDED", "MODIFIED", "DELETED"]


class Key(NamedTuple):
    """Where an object lives.

    `resource` is the plural, with the group behind a dot unless it is the core group: `pods`,
    `deployments.apps`. No version: an object has one place whatever version wrote it.
    `namespace` is empty for cluster-wide objects.
    """

    resource: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Stored:
    """One object at one revision: the dict and its JSON bytes, both with `metadata.resourceVersion` set."""

    key: Key
    revision: int
    object: Object
    body: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """One change.

    For DELETED, `stored` is the last state carrying the revision of the deletion. `previous` is the
    state before, None for ADDED: a watch with a selector needs both to tell entering from leaving.
    """

    type: EventType
    revision: int
    stored: Stored
    previous: Stored | None

    @property
    def key(self) -> Key:
        return self.stored.key

    @property
    def object(self) -> Object:
        return self.stored.object
