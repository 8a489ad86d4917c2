"""ReplicaSets, and ReplicationControllers before them: as many pods as asked for
(pkg/controller/replicaset/replica_set.go, pkg/controller/replication).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.api.errors import ApiError
from pocketmesh.api.selectors import selects_labels
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.controllers.conditions import with_condition, without_condition
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.keys import Place, own_and_controlled
from pocketmesh.controllers.owners import claimed, selector_of
from pocketmesh.controllers.pods import (
    deletion_rank,
    from_template,
    is_active,
    is_ready,
    is_terminating,
    seconds_to_available,
)
from pocketmesh.objects import Object, condition, labels_of, name_of, namespace_of
from pocketmesh.store import Event


@dataclass(frozen=True, slots=True)
class Replicated:
    """A kind that is nothing but a number of pods."""

    name: str
    resource: str
    kind: str


REPLICA_SETS: Final = Replicated("replicaset", "replicasets.apps", "ReplicaSet")
REPLICATION_CONTROLLERS: Final = Replicated(
    "replicationcontroller", "replicationcontrollers", "ReplicationController"
)


class ReplicaSets:
    """Keeps the pods of each object of such a kind."""

    def __init__(self, client: Client, clock: Clock, kind: Replicated = REPLICA_SETS) -> None:
        self._client = client
        self._clock = clock
        self._kind = kind
        self._events = Recorder(client, clock, f"{kind.name}-controller")

    @property
    def name(self) -> str:
        """What the log calls it."""
        return self._kind.name

    def concerns(self, event: Event) -> Iterable[Hashable]:
        resource = self._kind.resource
        yield from own_and_controlled(event, resource, self._kind.kind, "pods")
        if event.key.resource == "pods" and not event.object["metadata"].get("ownerReferences"):
            for owner in self._client.all(resource, event.key.namespace):
                if selects_labels(selector_of(owner), labels_of(event.object)):
                    yield (event.key.namespace, name_of(owner))

    def reconcile(self, key: Place) -> float | None:
        namespace, name = key
        owner = self._client.get(self._kind.resource, namespace, name)
        if owner is None:
            return None
        pods, failure = claimed(self._client, "pods", owner), ""
        if "deletionTimestamp" not in owner["metadata"]:
            failure = self._scale(owner, [pod for pod in pods if is_active(pod)])
            pods = claimed(self._client, "pods", owner)
        status = replica_set_status(owner, pods, failure, self._clock.now())
        if self._kind is REPLICATION_CONTROLLERS:
            status.pop("terminatingReplicas")
        self._client.update_status(self._kind.resource, {**owner, "status": status})
        if failure:
            raise ReplicaFailure(failure)
        min_ready = owner["spec"].get("minReadySeconds", 0)
        waits = [seconds_to_available(pod, min_ready, self._clock.now()) for pod in pods if is_active(pod)]
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


def replica_set_status(owner: Object, pods: Sequence[Object], failure: str, now: datetime) -> Object:
    """The status that follows from the pods; a failure's condition stays as first told until it is over."""
    active = [pod for pod in pods if is_active(pod)]
    min_ready, wanted = owner["spec"].get("minReadySeconds", 0), labels_of(owner["spec"]["template"]).items()
    counts = {
        "fullyLabeledReplicas": sum(wanted <= labels_of(pod).items() for pod in active),
        "readyReplicas": sum(is_ready(pod) for pod in active),
        "availableReplicas": sum(seconds_to_available(pod, min_ready, now) == 0 for pod in active),
    }
    status: Object = {
        "replicas": len(active),
        **{field: count for field, count in counts.items() if count},
        "terminatingReplicas": sum(is_terminating(pod) for pod in pods),
        "observedGeneration": owner["metadata"].get("generation", 0),
    }
    conditions = (owner.get("status") or {}).get("conditions") or []
    if not failure:
        conditions = without_condition(conditions, "ReplicaFailure")
    elif condition(owner, "ReplicaFailure") is None:
        said = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": failure}
        conditions = with_condition(conditions, said, rfc3339(now))
    return {**status, "conditions": conditions} if conditions else status


class ReplicaFailure(Exception):
    """A pod could not be made; the ReplicaSet is tried again later."""
