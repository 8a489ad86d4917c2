"""StatefulSets: numbered pods, made in order and removed in reverse (pkg/controller/statefulset).

The claims of a pod are made before it and outlive it, unless the set says otherwise.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.api.errors import ApiError
from pocketmesh.clock import Clock
from pocketmesh.controllers import revisions
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.keys import Place, own_and_controlled
from pocketmesh.controllers.owners import claimed
from pocketmesh.controllers.pods import from_template, seconds_to_available
from pocketmesh.controllers.statefulset_steps import HASH, Create, claims, ordinal, status, steps, wanted
from pocketmesh.controllers.volumes import CLAIMS
from pocketmesh.objects import Object, labels_of, name_of, namespace_of, uid_of
from pocketmesh.store import Event

RESOURCE: Final = "statefulsets.apps"
_REVISION_HASH: Final = "controller.kubernetes.io/hash"


class StatefulSets:
    """Keeps the numbered pods of each StatefulSet."""

    name = "statefulset"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._events = Recorder(client, clock, "statefulset-controller")

    def concerns(self, event: Event) -> Iterable[Hashable]:
        return own_and_controlled(event, RESOURCE, "StatefulSet", "pods")

    def reconcile(self, key: Place) -> float | None:
        owner = self._client.get(RESOURCE, *key)
        if owner is None or "deletionTimestamp" in owner["metadata"]:
            return None
        update = revisions.current(self._client, owner, _REVISION_HASH)
        known = {name_of(each): each for each in revisions.history(self._client, owner)}
        current = known.get((owner.get("status") or {}).get("currentRevision", ""), update)
        try:
            for step in steps(owner, self._pods(owner), name_of(update), self._clock.now()):
                if isinstance(step, Create):
                    self._create(owner, step.ordinal, update if step.updated else current)
                else:
                    self._delete(owner, step.pod)
        finally:
            pods = self._write_status(owner, name_of(current), name_of(update))
        live = {name_of(current), name_of(update), *(labels_of(pod).get(HASH, "") for pod in pods)}
        limit = owner["spec"].get("revisionHistoryLimit", 10)
        for each in revisions.forgettable(list(known.values()), live, limit):
            self._client.delete(revisions.RESOURCE, key[0], name_of(each))
        min_ready = owner["spec"].get("minReadySeconds", 0)
        waits = [seconds_to_available(pod, min_ready, self._clock.now()) for pod in pods]
        return min((wait for wait in waits if wait), default=None)

    def _pods(self, owner: Object) -> dict[int, Object]:
        pods = claimed(self._client, "pods", owner)
        return {number: pod for pod in pods if (number := ordinal(owner, pod)) >= 0}

    def _create(self, owner: Object, number: int, revision: Object) -> None:
        name = f"{name_of(owner)}-{number}"
        labels = {
            HASH: name_of(revision),
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(number),
        }
        pod = from_template(owner, revisions.template_in(revision), labels)
        pod["metadata"] |= {"name": name}
        needed = claims(owner, number)
        volumes = {
            template["metadata"]["name"]: {
                "name": template["metadata"]["name"],
                "persistentVolumeClaim": {"claimName": name_of(claim)},
            }
            for template, claim in zip(owner["spec"].get("volumeClaimTemplates") or [], needed, strict=True)
        }
        others = [each for each in pod["spec"].get("volumes") or [] if each["name"] not in volumes]
        pod["spec"] = {
            **pod["spec"],
            "hostname": name,
            "subdomain": owner["spec"].get("serviceName", ""),
            "volumes": [*volumes.values(), *others],
        }
        try:
            for claim in needed:
                self._claim(owner, name, claim)
            self._client.create("pods", pod)
        except ApiError as error:
            message = f"Create Pod {name} in StatefulSet {name_of(owner)} failed error: {error}"
            self._events.event(owner, "Warning", "FailedCreate", message)
            raise
        message = f"Create Pod {name} in StatefulSet {name_of(owner)} successful"
        self._events.event(owner, "Normal", "SuccessfulCreate", message)

    def _claim(self, owner: Object, pod: str, claim: Object) -> None:
        name = name_of(claim)
        if self._client.get(CLAIMS, namespace_of(claim), name) is not None:
            return
        said = f"Claim {name} Pod {pod} in StatefulSet {name_of(owner)}"
        try:
            self._client.create(CLAIMS, claim)
        except ApiError as error:
            self._events.event(owner, "Warning", "FailedCreate", f"create {said} failed error: {error}")
            raise
        self._events.event(owner, "Normal", "SuccessfulCreate", f"create {said} success")

    def _delete(self, owner: Object, pod: Object) -> None:
        self._let_claims_go(owner, pod)
        self._client.delete("pods", namespace_of(pod), name_of(pod))
        message = f"Delete Pod {name_of(pod)} in StatefulSet {name_of(owner)} successful"
        self._events.event(owner, "Normal", "SuccessfulDelete", message)

    def _let_claims_go(self, owner: Object, pod: Object) -> None:
        """With `whenScaled: Delete` the claims of a pod that is too many go with it."""
        retention = owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
        number = ordinal(owner, pod)
        if retention.get("whenScaled") != "Delete" or number in wanted(owner):
            return
        gone = {"apiVersion": "v1", "kind": "Pod", "name": name_of(pod), "uid": uid_of(pod)}
        for claim in claims(owner, number):
            place = (CLAIMS, namespace_of(claim), name_of(claim))
            if self._client.get(*place) is not None:
                self._client.merge(*place, {"metadata": {"ownerReferences": [gone]}})

    def _write_status(self, owner: Object, current: str, update: str) -> list[Object]:
        pods = list(self._pods(owner).values())
        found = status(owner, pods, current, update, self._clock.now())
        self._client.update_status(RESOURCE, {**owner, "status": found})
        return pods
