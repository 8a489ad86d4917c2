"""What admission adds to claims and volumes: the default class, and what keeps them while they are used.

Follows the plugins DefaultStorageClass, StorageObjectInUseProtection and PersistentVolumeClaimResize of
k8s.io/kubernetes/plugin/pkg/admission/storage. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pocketmesh.objects import Object, annotations_of
from pocketmesh.schema.quantity import parse

CLASSES: Final = "storageclasses.storage.k8s.io"
CLAIM_IN_USE: Final = "kubernetes.io/pvc-protection"
VOLUME_IN_USE: Final = "kubernetes.io/pv-protection"
_DEFAULT: Final = "storageclass.kubernetes.io/is-default-class"


class Refused(Exception):
    """A claim may not be changed like this."""


def new_claim(claim: Object, classes: Iterable[Object]) -> Object:
    """A new claim: of the default class unless it names one, even none; protected."""
    claim = _protected(claim, CLAIM_IN_USE)
    defaults = [each for each in classes if annotations_of(each).get(_DEFAULT) == "true"]
    if claim["spec"].get("storageClassName") is not None or not defaults:
        return claim
    newest = max(defaults, key=lambda each: (each["metadata"]["creationTimestamp"], each["metadata"]["name"]))
    return {**claim, "spec": {**claim["spec"], "storageClassName": newest["metadata"]["name"]}}


def new_volume(volume: Object) -> Object:
    """A new volume, protected."""
    return _protected(volume, VOLUME_IN_USE)


def check_size(claim: Object, old: Object, classes: Iterable[Object]) -> None:
    """Raises Refused for a claim that is to grow and cannot."""
    if parse(_storage(claim)) <= parse(_storage(old)):
        return
    name = claim["spec"].get("storageClassName")
    expands = any(each["metadata"]["name"] == name and each.get("allowVolumeExpansion") for each in classes)
    if not expands or not old["spec"].get("volumeName"):
        raise Refused(
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc "
            "must support resize"
        )


def _storage(claim: Object) -> str:
    return str(((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage", 0))


def _protected(obj: Object, finalizer: str) -> Object:
    metadata = obj["metadata"]
    held = metadata.get("finalizers") or []
    if finalizer in held:
        return obj
    return {**obj, "metadata": {**metadata, "finalizers": [*held, finalizer]}}
