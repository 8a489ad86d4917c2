"""Which PersistentVolume a claim may have.

Pure. Follows pkg/controller/volume/persistentvolume/index.go and
k8s.io/component-helpers/storage/volume: the smallest volume that is large enough wins.
"""

from __future__ import annotations

from collections.abc import Iterable

from pocketmesh.api.selectors import selects_labels
from pocketmesh.objects import Object, labels_of, name_of, namespace_of, uid_of
from pocketmesh.schema.quantity import parse


def best(claim: Object, volumes: Iterable[Object], *, only_reserved: bool = False) -> Object | None:
    """The volume to bind a claim to: one that is reserved for it, else the smallest that is free and fits.

    `only_reserved` leaves the free ones to the scheduler.
    """
    fitting = [volume for volume in volumes if fits(claim, volume)]
    reserved = next((volume for volume in fitting if refers(volume, claim)), None)
    if reserved is not None or only_reserved:
        return reserved
    free = [volume for volume in fitting if not volume["spec"].get("claimRef")]
    return min(free, key=lambda volume: (parse(_size(volume)), name_of(volume)), default=None)


def fits(claim: Object, volume: Object) -> bool:
    """Whether a volume has what a claim asks for."""
    spec, offered = claim["spec"], volume["spec"]
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage", "0")
    selector = spec.get("selector")
    return (
        "deletionTimestamp" not in volume["metadata"]
        and (spec.get("storageClassName") or "") == (offered.get("storageClassName") or "")
        and spec.get("volumeMode", "Filesystem") == offered.get("volumeMode", "Filesystem")
        and set(spec.get("accessModes") or []) <= set(offered.get("accessModes") or [])
        and parse(_size(volume)) >= parse(asked)
        and (not selector or selects_labels(selector, labels_of(volume)))
    )


def refers(volume: Object, claim: Object) -> bool:
    """Whether a volume is reserved for a claim or bound to it."""
    reference = volume["spec"].get("claimRef") or {}
    same = (reference.get("namespace"), reference.get("name")) == (namespace_of(claim), name_of(claim))
    return same and reference.get("uid", uid_of(claim)) == uid_of(claim)


def reference(claim: Object) -> Object:
    """What stands in the volume of a claim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": namespace_of(claim),
        "name": name_of(claim),
        "uid": uid_of(claim),
        "resourceVersion": claim["metadata"]["resourceVersion"],
    }


def _size(volume: Object) -> str:
    return str((volume["spec"].get("capacity") or {}).get("storage", "0"))
