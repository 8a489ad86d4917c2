"""The garbage collector: what belongs to something that is gone goes too.

Keys are (resource, namespace, name). The three ways to delete are marked by finalizers that the API
sets: none for Background, `foregroundDeletion`, `orphan` (pkg/controller/garbagecollector).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.objects import Object, uid_of
from pocketmesh.store import Event, Key

FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"


class GarbageCollector:
    """Follows owner references."""

    name = "garbagecollector"

    def __init__(self, client: Client) -> None:
        self._client = client
        self._dependents: dict[str, set[Key]] = {}
        self._keys: dict[str, Key] = {}

    def concerns(self, event: Event) -> Iterable[Hashable]:
        obj, uid = event.object, uid_of(event.object)
        self._index(event)
        if event.type == "DELETED":
            yield from self._dependents.pop(uid, ())
            for reference in _references(obj):
                owner = self._keys.get(reference["uid"])
                if owner is not None:
                    yield owner
        elif _references(obj) or "deletionTimestamp" in obj["metadata"]:
            yield event.key

    def _index(self, event: Event) -> None:
        key = event.key
        for reference in _references(event.previous.object) if event.previous else ():
            self._dependents.get(reference["uid"], set()).discard(key)
        if event.type == "DELETED":
            self._keys.pop(uid_of(event.object), None)
            for reference in _references(event.object):
                self._dependents.get(reference["uid"], set()).discard(key)
            return
        self._keys[uid_of(event.object)] = key
        for reference in _references(event.object):
            self._dependents.setdefault(reference["uid"], set()).add(key)

    def reconcile(self, key: Key) -> float | None:
        obj = self._client.get(*key)
        if obj is None:
            return None
        if "deletionTimestamp" in obj["metadata"]:
            self._finish(key, obj)
        else:
            self._collect(key, obj)
        return None

    def _collect(self, key: Key, obj: Object) -> None:
        """Deletes an object whose owners are all gone, or go and wait for it."""
        references = _references(obj)
        if not references:
            return
        owners = [(reference, self._owner(reference, key.namespace)) for reference in references]
        living = [reference for reference, owner in owners if owner is not None and not _waits(owner)]
        waiting = any(owner is not None and _waits(owner) for _, owner in owners)
        if living:
            if len(living) < len(references):
                self._client.merge(*key, {"metadata": {"ownerReferences": living}})
            return
        self._client.delete(*key, propagation="Foreground" if waiting else "Background", uid=uid_of(obj))

    def _finish(self, key: Key, obj: Object) -> None:
        """Lets an object go that waits for its dependents."""
        finalizers = obj["metadata"].get("finalizers") or []
        held_by = {FOREGROUND, ORPHAN} & set(finalizers)
        if not held_by:
            return
        uid, left = uid_of(obj), False
        for place in sorted(self._dependents.get(uid, ())):
            dependent = self._client.get(*place)
            if dependent is None:
                continue
            references = _references(dependent)
            if ORPHAN in held_by:
                kept = [reference for reference in references if reference["uid"] != uid]
                self._client.merge(*place, {"metadata": {"ownerReferences": kept or None}})
                continue
            if "deletionTimestamp" not in dependent["metadata"]:
                self._collect(place, dependent)
            still_there = self._client.get(*place) is not None
            left = left or (still_there and _blocks(references, uid))
        if not left:
            kept_finalizers = [name for name in finalizers if name not in held_by]
            self._client.merge(*key, {"metadata": {"finalizers": kept_finalizers or None}})

    def _owner(self, reference: Object, namespace: str) -> Object | None:
        """The object that a reference means, None when it is gone (or another one of the same name)."""
        kind = self._client.registry.kinds.of(reference["apiVersion"], reference["kind"])
        if kind is None:
            return reference
        owner = self._client.get(kind.resource, namespace if kind.namespaced else "", reference["name"])
        return owner if owner is not None and uid_of(owner) == reference["uid"] else None


def _references(obj: Object) -> list[Object]:
    return obj["metadata"].get("ownerReferences") or []


def _waits(owner: Object) -> bool:
    """Whether an owner is being deleted in the foreground."""
    metadata = owner.get("metadata") or {}
    return "deletionTimestamp" in metadata and FOREGROUND in (metadata.get("finalizers") or [])


def _blocks(references: list[Object], uid: str) -> bool:
    return any(r["uid"] == uid and r.get("blockOwnerDeletion") for r in references)
