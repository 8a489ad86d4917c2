"""Who belongs to whom: owner references, and the taking in and letting go of objects by their labels."""

from __future__ import annotations

from collections.abc import Iterable

from pocketmesh.api.client import Client
from pocketmesh.api.selectors import selects_labels
from pocketmesh.objects import Object, controller_of, labels_of, name_of, namespace_of, uid_of


def owner_reference(owner: Object) -> Object:
    """The reference that makes `owner` the controller of what carries it."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controlled_by(owner: Object, objects: Iterable[Object]) -> list[Object]:
    """The objects whose controller is `owner`."""
    uid = uid_of(owner)
    return [obj for obj in objects if (controller_of(obj) or {}).get("uid") == uid]


def selector_of(owner: Object) -> Object | None:
    """The label selector of a workload; a ReplicationController's is a plain map."""
    selector: Object | None = owner["spec"].get("selector")
    return {"matchLabels": selector} if selector and owner["kind"] == "ReplicationController" else selector


def claimed(client: Client, resource: str, owner: Object) -> list[Object]:
    """The objects that `owner` controls, after adopting orphans that its selector matches and
    releasing those that it no longer matches (pkg/controller/controller_ref_manager.go)."""
    selector, deleting = selector_of(owner), "deletionTimestamp" in owner["metadata"]
    found = []
    for obj in client.all(resource, namespace_of(owner)):
        controller = controller_of(obj)
        if controller is not None and controller["uid"] != uid_of(owner):
            continue
        fits = selects_labels(selector, labels_of(obj))
        if controller is None and fits and not deleting and "deletionTimestamp" not in obj["metadata"]:
            others = obj["metadata"].get("ownerReferences") or []
            found.append(_refer(client, resource, obj, [*others, owner_reference(owner)]))
        elif controller is not None and (fits or deleting):
            found.append(obj)
        elif controller is not None:
            kept = [r for r in obj["metadata"]["ownerReferences"] if r["uid"] != uid_of(owner)]
            _refer(client, resource, obj, kept)
    return found


def _refer(client: Client, resource: str, obj: Object, references: list[Object]) -> Object:
    patch = {"metadata": {"ownerReferences": references or None}}
    return client.merge(resource, namespace_of(obj), name_of(obj), patch)
