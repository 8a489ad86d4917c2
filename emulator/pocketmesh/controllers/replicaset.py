"""ReplicaSets: as many pods as asked for (pkg/controller/replicaset/replica_set.go)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.api.errors import ApiError
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.controllers.conditions import with_condition, without_condition
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.keys import Place, own_and_controlled
from pocketmesh.controllers.owners import claimed
from pocketmesh.controllers.pods import (
    deletion_rank,
    from_template,
    is_active,
    is_ready,
    seconds_to_available,
)
from pocketmesh.controllers.selectors import matches
from pocketmesh.objects import Object, labels_of, name_of, namespace_of
from pocketmesh.store import Event

RESOURCE: Final = "replicasets.apps"


class ReplicaSets:
    """Keeps the pods of each ReplicaSet."""

    name = "replicaset"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._events = Recorder(client, clock, "replicaset-controller")

    def concerns(self, event: Event) -> Iterable[Hashable]:
        yield from own_and_controlled(event, RESOURCE, "ReplicaSet", "pods")
        if event.key.resource == "pods" and not event.object["metadata"].get("ownerReferences"):
            for owner in self._client.all(RESOURCE, event.key.namespace):
                if matches(owner["spec"].get("selector"), labels_of(event.object)):
                    yield (event.key.namespace, name_of(owner))

    def reconcile(self, key: Place) -> float | None:
        namespace, name = key
        owner = self._client.get(RESOURCE, namespace, name)
        if owner is None:
            return None
        pods = [pod for pod in claimed(self._client, "pods", owner) if is_active(pod)]
        failure = ""
        if "deletionTimestamp" not in owner["metadata"]:
            failure = self._scale(owner, pods)
            pods = [pod for pod in claimed(self._client, "pods", owner) if is_active(pod)]
        self._write_status(owner, pods, failure)
        if failure:
            raise ReplicaFailure(failure)
        min_ready = owner["spec"].get("minReadySeconds", 0)
        waits = [seconds_to_available(pod, min_ready, self._clock.now()) for pod in pods]
        return min((wait for wait in waits if wait), default=None)

    def _scale(self, owner: Object, pods: list[Object]) -> str:
        missing = owner["spec"].get("replicas", 1) - len(pods)
        try:
            for _ in range(missing):
                pod = self._client.create("pods", from_template(owner, owner["spec"]["template"]))
                self._events.event(owner, "Normal", "SuccessfulCreate", f"Created pod: {name_of(pod)}")
        except ApiError as error:
            self._events.event(owner, "Warning", "FailedCreate", f"Error creating: {error}")
            return str(error)
        for pod in sorted(pods, key=deletion_rank)[: max(0, -missing)]:
            self._client.delete("pods", namespace_of(pod), name_of(pod))
            self._events.event(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")
        return ""

    def _write_status(self, owner: Object, pods: list[Object], failure: str) -> None:
        now = self._clock.now()
        min_ready = owner["spec"].get("minReadySeconds", 0)
        wanted = labels_of(owner["spec"]["template"]).items()
        counts = {
            "fullyLabeledReplicas": sum(wanted <= labels_of(pod).items() for pod in pods),
            "readyReplicas": sum(is_ready(pod) for pod in pods),
            "availableReplicas": sum(seconds_to_available(pod, min_ready, now) == 0 for pod in pods),
        }
        status: Object = {"replicas": len(pods), **{field: n for field, n in counts.items() if n}}
        status["observedGeneration"] = owner["metadata"].get("generation", 0)
        conditions = (owner.get("status") or {}).get("conditions") or []
        if failure:
            problem = {
                "type": "ReplicaFailure",
                "status": "True",
                "reason": "FailedCreate",
                "message": failure,
            }
            conditions = with_condition(conditions, problem, rfc3339(now))
        else:
            conditions = without_condition(conditions, "ReplicaFailure")
        if conditions:
            status["conditions"] = conditions
        self._client.update_status(RESOURCE, {**owner, "status": status})


class ReplicaFailure(Exception):
    """A pod could not be made; the ReplicaSet is tried again later."""
