"""The provisioner of the class `standard`: a directory of the node for each claim, removed with its volume.

As kind has it (rancher/local-path-provisioner): sizes are promised and not enforced.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.api.volumes import CLASSES
from pocketmesh.clock import Clock
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.volume_matching import reference
from pocketmesh.controllers.volumes import CLAIMS, PROVISIONER, SELECTED_NODE, VOLUMES, is_bound
from pocketmesh.node.disk import Disk, remove
from pocketmesh.objects import Object, annotations_of, name_of, namespace_of, uid_of
from pocketmesh.store import Event, Key

NAME: Final = "rancher.io/local-path"
_PLACE: Final = "/var/local-path-provisioner"
_PROVISIONED_BY: Final = "pv.kubernetes.io/provisioned-by"
_POD: Final = "rancher.io/local-path_local-path-provisioner"


class LocalPaths:
    """Makes volumes for claims whose node is known, and removes those whose claims are gone."""

    name = "local-path-provisioner"

    def __init__(self, client: Client, clock: Clock, disk: Disk) -> None:
        self._client = client
        self._disk = disk
        self._events = Recorder(client, clock, _POD)

    def concerns(self, event: Event) -> Iterable[Hashable]:
        if event.key.resource in (CLAIMS, VOLUMES):
            yield event.key

    def reconcile(self, key: Key) -> float | None:
        obj = self._client.get(*key)
        if obj is None:
            return None
        if key.resource == CLAIMS:
            self._provide(obj)
        elif annotations_of(obj).get(_PROVISIONED_BY) == NAME:
            self._reclaim(obj)
        return None

    def _provide(self, claim: Object) -> None:
        notes = annotations_of(claim)
        ours = notes.get(PROVISIONER) == NAME and SELECTED_NODE in notes
        name = f"pvc-{uid_of(claim)}"
        if not ours or is_bound(claim) or self._client.get(VOLUMES, "", name) is not None:
            return
        place = f"{namespace_of(claim)}/{name_of(claim)}"
        message = f'External provisioner is provisioning volume for claim "{place}"'
        self._events.event(claim, "Normal", "Provisioning", message)
        offered = self._client.get(CLASSES, "", claim["spec"]["storageClassName"]) or {}
        self._client.create(VOLUMES, volume(claim, offered, notes[SELECTED_NODE]))
        message = f"Successfully provisioned volume {name}"
        self._events.event(claim, "Normal", "ProvisioningSucceeded", message)

    def _reclaim(self, volume: Object) -> None:
        released = (volume.get("status") or {}).get("phase") == "Released"
        if released and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
            remove(self._disk.at(volume["spec"]["hostPath"]["path"]))
            self._client.delete(VOLUMES, "", name_of(volume))


def volume(claim: Object, storage_class: Object, node: str) -> Object:
    """The volume that a claim gets."""
    name = f"pvc-{uid_of(claim)}"
    hostname = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": name,
            "annotations": {"local.path.provisioner/selected-node": node, _PROVISIONED_BY: NAME},
        },
        "spec": {
            "accessModes": claim["spec"]["accessModes"],
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "claimRef": reference(claim),
            "hostPath": {
                "path": f"{_PLACE}/{name}_{namespace_of(claim)}_{name_of(claim)}",
                "type": "DirectoryOrCreate",
            },
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [hostname]}]}},
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": claim["spec"]["storageClassName"],
            "volumeMode": "Filesystem",
        },
    }
