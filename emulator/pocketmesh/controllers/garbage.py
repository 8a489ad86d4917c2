"""The garbage collector: what belongs to something that is gone goes too.

Keys are (resource, namespace, name). The three ways to delete are marked by finalizers that the API
sets: none for Background, `foregroundDeletion`, `orphan` (pkg/controller/garbagecollector).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock
from pocketmesh.controllers.events import Recorder
from pocketmesh.objects import Object, uid_of
from pocketmesh.store import Event, Key

FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"


class GarbageCollector:
    """Follows owner references."""

    name = "garbagecollector"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._events = Recorder(client, clock, "garbage-collector-controller")
        self._dependents: dict[str, set[Key]] = {}
        self._keys: dict[str, Key] = {}

    def concerns(self, event: Event) -> Iterable[Hashable]:
        obj, uid = event.object, uid_of(event.object)
        self._index(event)
        references = _references(obj)
        if event.type == "DELETED":
            yield from self._dependents.pop(uid, ())
            left = references
        else:
            if references or "deletionTimestamp" in obj["metadata"]:
                yield event.key
            before = _references(event.previous.object) if event.previous else []
            left = [reference for reference in before if reference not in references]
        for reference in left:
            owner = self._keys.get(reference["uid"])
            if owner is not None:
                yield owner

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
        owners = [(reference, self._owner(key, reference, obj)) for reference in references]
        living = [reference for reference, owner in owners if owner is not None and not _waits(owner)]
        waiting = any(owner is not None and _waits(owner) for _, owner in owners)
        if living:
            if len(living) < len(references):
                self._client.merge(*key, {"metadata": {"ownerReferences": living}})
            return
        finalizers = obj["metadata"].get("finalizers") or []
        policy = (
            "Orphan" if ORPHAN in finalizers else "Foreground" if FOREGROUND in finalizers else "Background"
        )
        if waiting and self._dependents.get(uid_of(obj)):
            policy = "Foreground"
        self._client.delete(*key, propagation=policy, uid=uid_of(obj))

    def _finish(self, key: Key, obj: Object) -> None:
        """Lets an object go that waits for its dependents."""
        finalizers = obj["metadata"].get("finalizers") or []
        held_by = {FOREGROUND, ORPHAN} & set(finalizers)
        if not held_by:
            return
        places = sorted(self._dependents.get(uid_of(obj), ()))
        if ORPHAN in held_by:
            for place in places:
                self._orphan(place, uid_of(obj))
        elif sum(self._holds_back(place, uid_of(obj)) for place in places):
            return
        kept = [name for name in finalizers if name not in held_by]
        self._client.merge(*key, {"metadata": {"finalizers": kept or None}})

    def _orphan(self, place: Key, owner: str) -> None:
        dependent = self._client.get(*place)
        if dependent is not None:
            kept = [reference for reference in _references(dependent) if reference["uid"] != owner]
            self._client.merge(*place, {"metadata": {"ownerReferences": kept or None}})

    def _holds_back(self, place: Key, owner: str) -> bool:
        """Whether a dependent still blocks its owner's deletion, after it was asked to go."""
        dependent = self._client.get(*place)
        if dependent is None or not _blocks(dependent, owner):
            return False
        if "deletionTimestamp" not in dependent["metadata"]:
            self._collect(place, dependent)
        left = self._client.get(*place)
        return left is not None and _blocks(left, owner)

    def _owner(self, key: Key, reference: Object, obj: Object) -> Object | None:
        """The object that a reference means, None when it is gone, or another one of the same name.

        An owner is looked for beside its dependent; one in another namespace is none, and told of. What
        cannot be judged counts as there: a kind that is not served, a namespaced owner of something
        cluster-wide.
        """
        kind = self._client.registry.kinds.of(reference["apiVersion"], reference["kind"])
        if kind is None or (kind.namespaced and not key.namespace):
            return reference
        namespace = key.namespace if kind.namespaced else ""
        owner = self._client.get(kind.resource, namespace, reference["name"])
        if owner is not None and uid_of(owner) == reference["uid"]:
            return owner
        elsewhere = self._keys.get(reference["uid"])
        if elsewhere is not None and elsewhere.namespace != key.namespace:
            what = f"{reference['apiVersion']}/{reference['kind']}, namespace: {key.namespace}"
            what += f", name: {reference['name']}, uid: {reference['uid']}"
            message = f'ownerRef [{what}] does not exist in namespace "{key.namespace}"'
            self._events.event(obj, "Warning", "OwnerRefInvalidNamespace", message)
        return None


def _references(obj: Object) -> list[Object]:
    return obj["metadata"].get("ownerReferences") or []


def _waits(owner: Object) -> bool:
    """Whether an owner is being deleted in the foreground."""
    metadata = owner.get("metadata") or {}
    return "deletionTimestamp" in metadata and FOREGROUND in (metadata.get("finalizers") or [])


def _blocks(dependent: Object, owner: str) -> bool:
    return any(each["uid"] == owner and each.get("blockOwnerDeletion") for each in _references(dependent))
