"""PersistentVolumes and their claims: brought together, kept while used, and told of.

Making and removing volumes is their provisioner's business, and choosing a node for those that wait for
their first consumer the scheduler's. Follows pkg/controller/volume/{persistentvolume,pvcprotection,
pvprotection}.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final, Literal

from pocketmesh.api.client import Client
from pocketmesh.api.volumes import CLAIM_IN_USE, CLASSES, VOLUME_IN_USE
from pocketmesh.clock import Clock
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.pods import phase
from pocketmesh.controllers.volume_matching import best, reference, refers
from pocketmesh.objects import Object, annotations_of, name_of, namespace_of, uid_of
from pocketmesh.store import Event, Key

CLAIMS: Final = "persistentvolumeclaims"
VOLUMES: Final = "persistentvolumes"
SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
PROVISIONER: Final = "volume.kubernetes.io/storage-provisioner"
_OLD_PROVISIONER: Final = "volume.beta.kubernetes.io/storage-provisioner"
_COMPLETED: Final = "pv.kubernetes.io/bind-completed"
_BY_CONTROLLER: Final = "pv.kubernetes.io/bound-by-controller"


class VolumeBinder:
    """Binds claims to volumes, and says what state both are in."""

    name = "persistentvolume-binder"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._events = Recorder(client, clock, "persistentvolume-controller")

    def concerns(self, event: Event) -> Iterable[Hashable]:
        key, obj = event.key, event.object
        if key.resource in (CLAIMS, VOLUMES):
            yield key
        if key.resource == CLAIMS and (bound := obj["spec"].get("volumeName")):
            yield Key(VOLUMES, "", bound)
        if key.resource in (VOLUMES, CLASSES):
            claimed = obj.get("spec", {}).get("claimRef")
            if claimed:
                yield Key(CLAIMS, claimed.get("namespace", ""), claimed.get("name", ""))
            else:
                yield from (_key(claim) for claim in self._client.all(CLAIMS) if not _is_bound(claim))
        if key.resource == "pods":
            yield from (Key(CLAIMS, key.namespace, name) for name in claims_of(obj))

    def reconcile(self, key: Key) -> float | None:
        obj = self._client.get(*key)
        if obj is not None and key.resource == VOLUMES:
            self._volume(obj)
        elif obj is not None:
            self._claim(obj)
        return None

    # Claims

    def _claim(self, claim: Object) -> None:
        if "deletionTimestamp" in claim["metadata"]:
            if not self._in_use(claim):
                self._release(CLAIMS, claim, CLAIM_IN_USE)
        elif _is_bound(claim):
            volume = self._client.get(VOLUMES, "", claim["spec"].get("volumeName", ""))
            if (volume is None or not refers(volume, claim)) and _phase(claim) != "Lost":
                why = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
                self._event(claim, "Warning", "ClaimLost", why)
                self._client.update_status(CLAIMS, {**claim, "status": {"phase": "Lost"}})
        elif claim["spec"].get("volumeName"):
            volume = self._client.get(VOLUMES, "", claim["spec"]["volumeName"])
            if volume is not None and (not volume["spec"].get("claimRef") or refers(volume, claim)):
                self._bind(claim, volume)
        else:
            self._seek(claim)

    def _seek(self, claim: Object) -> None:
        waits = delayed(claim, self._client) and SELECTED_NODE not in annotations_of(claim)
        volume = best(claim, self._client.all(VOLUMES), only_reserved=waits)
        name = claim["spec"].get("storageClassName") or ""
        if volume is not None:
            self._bind(claim, volume)
        elif waits:
            self._say_waiting(claim)
        elif not name:
            why = "no persistent volumes available for this claim and no storage class is set"
            self._event(claim, "Normal", "FailedBinding", why)
        else:
            self._ask_provisioner(claim, name)

    def _say_waiting(self, claim: Object) -> None:
        pods = self._users(claim)
        if pods:
            why = f"waiting for pod {name_of(pods[0])} to be scheduled"
            self._event(claim, "Normal", "WaitForPodScheduled", why)
        else:
            why = "waiting for first consumer to be created before binding"
            self._event(claim, "Normal", "WaitForFirstConsumer", why)

    def _ask_provisioner(self, claim: Object, name: str) -> None:
        found = self._client.get(CLASSES, "", name)
        if found is None:
            why = f'storageclass.storage.k8s.io "{name}" not found'
            self._event(claim, "Warning", "ProvisioningFailed", why)
            return
        provisioner = found["provisioner"]
        if provisioner.startswith("kubernetes.io/"):
            self._event(
                claim, "Warning", "ProvisioningFailed", f"no volume plugin matched name: {provisioner}"
            )
            return
        if annotations_of(claim).get(PROVISIONER) != provisioner:
            self._annotate(CLAIMS, claim, {_OLD_PROVISIONER: provisioner, PROVISIONER: provisioner})
        why = (
            f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or "
            "manually by the system administrator. If volume creation is delayed, please verify that the "
            "provisioner is running and correctly registered."
        )
        self._event(claim, "Normal", "ExternalProvisioning", why)

    def _bind(self, claim: Object, volume: Object) -> None:
        place = (namespace_of(claim), name_of(claim))
        if not (volume["spec"].get("claimRef") or {}).get("uid"):
            own = {} if volume["spec"].get("claimRef") else {_BY_CONTROLLER: "yes"}
            taken: Object = {"spec": {"claimRef": reference(claim)}, "metadata": {"annotations": own}}
            volume = self._client.merge(VOLUMES, "", name_of(volume), taken)
        own = {} if claim["spec"].get("volumeName") else {_BY_CONTROLLER: "yes"}
        annotations = {_COMPLETED: "yes", **own}
        change: Object = {"spec": {"volumeName": name_of(volume)}, "metadata": {"annotations": annotations}}
        claim = self._client.merge(CLAIMS, *place, change)
        offered = volume["spec"]
        status = {"accessModes": offered["accessModes"], "capacity": offered["capacity"], "phase": "Bound"}
        self._client.update_status(CLAIMS, {**claim, "status": status})

    def _in_use(self, claim: Object) -> bool:
        users = self._users(claim)
        return any(pod["spec"].get("nodeName") and phase(pod) not in ("Succeeded", "Failed") for pod in users)

    def _users(self, claim: Object) -> list[Object]:
        pods = self._client.all("pods", namespace_of(claim))
        return [pod for pod in pods if name_of(claim) in claims_of(pod)]

    # Volumes

    def _volume(self, volume: Object) -> None:
        wanted = self._wanted_phase(volume)
        if _phase(volume) != wanted:
            volume = self._client.update_status(VOLUMES, {**volume, "status": {"phase": wanted}})
        if "deletionTimestamp" in volume["metadata"] and wanted != "Bound":
            self._release(VOLUMES, volume, VOLUME_IN_USE)

    def _wanted_phase(self, volume: Object) -> str:
        claimed = volume["spec"].get("claimRef")
        if not claimed or not claimed.get("uid"):
            return "Available"
        claim = self._client.get(CLAIMS, claimed.get("namespace", ""), claimed.get("name", ""))
        if claim is None or uid_of(claim) != claimed["uid"]:
            return "Released"
        return "Bound"

    # Both

    def _release(self, resource: str, obj: Object, finalizer: str) -> None:
        held = obj["metadata"].get("finalizers") or []
        if finalizer in held:
            kept = [name for name in held if name != finalizer]
            change = {"metadata": {"finalizers": kept or None}}
            self._client.merge(resource, namespace_of(obj), name_of(obj), change)

    def _annotate(self, resource: str, obj: Object, annotations: dict[str, str]) -> None:
        change = {"metadata": {"annotations": annotations}}
        self._client.merge(resource, namespace_of(obj), name_of(obj), change)

    def _event(self, obj: Object, kind: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        self._events.event(obj, kind, reason, message)


def claims_of(pod: Object) -> list[str]:
    """The names of the claims that a pod uses."""
    volumes = pod["spec"].get("volumes") or []
    return [each["persistentVolumeClaim"]["claimName"] for each in volumes if "persistentVolumeClaim" in each]


def delayed(claim: Object, client: Client) -> bool:
    """Whether a claim is bound only for a pod that needs it."""
    found = client.get(CLASSES, "", claim["spec"].get("storageClassName") or "")
    return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"


def is_bound(claim: Object) -> bool:
    """Whether a claim has its volume."""
    return _is_bound(claim) and _phase(claim) == "Bound"


def _is_bound(claim: Object) -> bool:
    return _COMPLETED in annotations_of(claim)


def _phase(obj: Object) -> str:
    return str((obj.get("status") or {}).get("phase", ""))


def _key(claim: Object) -> Key:
    return Key(CLAIMS, namespace_of(claim), name_of(claim))
