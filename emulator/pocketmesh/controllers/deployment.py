"""Deployments: a ReplicaSet for each pod template, scaled up and down so that the newest takes over.

Follows pkg/controller/deployment; what is computed there stands in `rollout` and `deployment_status`.
`kubectl rollout undo` patches the template back, so an old ReplicaSet is simply found again.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock
from pocketmesh.controllers.deployment_status import (
    deployment_status,
    progress_condition,
    seconds_to_deadline,
    with_progress,
)
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.keys import Place, own_and_controlled
from pocketmesh.controllers.owners import claimed, owner_reference
from pocketmesh.controllers.rollout import Bounds, Replicas, bounds, new_size, old_sizes
from pocketmesh.controllers.templates import HASH_LABEL, same_template, template_hash
from pocketmesh.objects import (
    Object,
    annotations_of,
    condition,
    controller_of,
    labels_of,
    name_of,
    namespace_of,
)
from pocketmesh.store import Event

RESOURCE: Final = "deployments.apps"
SETS: Final = "replicasets.apps"
REVISION: Final = "deployment.kubernetes.io/revision"
DESIRED: Final = "deployment.kubernetes.io/desired-replicas"
MAXIMUM: Final = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED: Final = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        "deployment.kubernetes.io/revision-history",
        DESIRED,
        MAXIMUM,
        "deprecated.deployment.rollback.to",
    }
)


class Deployments:
    """Rolls each Deployment towards its template."""

    name = "deployment"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._events = Recorder(client, clock, "deployment-controller")

    def concerns(self, event: Event) -> Iterable[Hashable]:
        yield from own_and_controlled(event, RESOURCE, "Deployment", SETS)
        if event.key.resource == "pods" and event.type == "DELETED":
            yield from self._waiting_for(event.object)

    def _waiting_for(self, pod: Object) -> Iterable[Place]:
        """The Deployment behind a pod that is gone: with Recreate it waits for that."""
        owner = controller_of(pod) or {}
        replica_set = self._client.get(SETS, namespace_of(pod), owner.get("name", ""))
        deployment = controller_of(replica_set) if replica_set else None
        if deployment is not None and deployment["kind"] == "Deployment":
            yield (namespace_of(pod), deployment["name"])

    def reconcile(self, key: Place) -> float | None:
        deployment = self._client.get(RESOURCE, *key)
        if deployment is None:
            return None
        sets = sorted(claimed(self._client, SETS, deployment), key=_age)
        new = next(
            (s for s in sets if same_template(s["spec"]["template"], deployment["spec"]["template"])), None
        )
        if "deletionTimestamp" not in deployment["metadata"]:
            deployment = self._note_pause(deployment)
            if deployment["spec"].get("paused"):
                self._scale_paused(deployment, sets)
            else:
                deployment, new = self._current(deployment, new, sets)
                self._roll(deployment, new, [s for s in sets if name_of(s) != name_of(new)])
        return self._conclude(deployment)

    def _current(
        self, deployment: Object, new: Object | None, sets: Sequence[Object]
    ) -> tuple[Object, Object]:
        """The ReplicaSet of the present template, made when missing, with the newest revision number."""
        others = [s for s in sets if new is None or name_of(s) != name_of(new)]
        newest = max((int(annotations_of(s).get(REVISION, "0")) for s in others), default=0)
        progress = condition(deployment, "Progressing")
        if new is None:
            revision = str(newest + 1)
            new = self._create(deployment, revision, others)
            said = progress_condition(
                "True", "NewReplicaSetCreated", f'Created new replica set "{name_of(new)}"'
            )
            deployment = self._with_progress(deployment, said)
        else:
            revision = annotations_of(new).get(REVISION, "0")
            if int(revision) <= newest:
                revision = str(newest + 1)
            wanted = {**_copied(deployment), REVISION: revision}
            if not wanted.items() <= annotations_of(new).items():
                new = self._client.merge(
                    SETS, namespace_of(new), name_of(new), {"metadata": {"annotations": wanted}}
                )
            if progress is None:
                said = progress_condition(
                    "True", "FoundNewReplicaSet", f'Found new replica set "{name_of(new)}"'
                )
                deployment = self._with_progress(deployment, said)
        if annotations_of(deployment).get(REVISION) != revision:
            # Through the status, so that it does not count as a new generation.
            annotations = {**annotations_of(deployment), REVISION: revision}
            annotated = {**deployment["metadata"], "annotations": annotations}
            deployment = self._client.update_status(RESOURCE, {**deployment, "metadata": annotated})
        return deployment, new

    def _create(self, deployment: Object, revision: str, others: Sequence[Object]) -> Object:
        spec, namespace = deployment["spec"], namespace_of(deployment)
        taken, collisions = {name_of(s) for s in self._client.all(SETS, namespace)}, 0
        while f"{name_of(deployment)}-{template_hash(spec['template'], collisions)}" in taken:
            collisions += 1
        digest = template_hash(spec["template"], collisions)
        template = spec["template"]
        labels = {**labels_of(template), HASH_LABEL: digest}
        selector = spec["selector"]
        size = new_size(spec.get("replicas", 1), _bounds(deployment), Replicas("", 0, 0), _rows(others))
        if (spec.get("strategy") or {}).get("type") == "Recreate":
            size = 0
        new = self._client.create(
            SETS,
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"{name_of(deployment)}-{digest}",
                    "namespace": namespace,
                    "labels": labels,
                    "annotations": {**_copied(deployment), REVISION: revision, **_sizes(deployment)},
                    "ownerReferences": [owner_reference(deployment)],
                },
                "spec": {
                    "replicas": size,
                    "minReadySeconds": spec.get("minReadySeconds", 0),
                    "selector": {
                        **selector,
                        "matchLabels": {**(selector.get("matchLabels") or {}), HASH_LABEL: digest},
                    },
                    "template": {
                        **template,
                        "metadata": {**(template.get("metadata") or {}), "labels": labels},
                    },
                },
            },
        )
        if size:
            self._scaled(deployment, new, 0, size)
        return new

    def _roll(self, deployment: Object, new: Object, old: Sequence[Object]) -> None:
        replicas = deployment["spec"].get("replicas", 1)
        if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
            for each in old:
                self._scale(deployment, each, 0)
            if not any(self._has_pods(each) for each in old):
                self._scale(deployment, new, replicas)
            return
        limit, row, rows = _bounds(deployment), _row(new), _rows(old)
        size = new_size(replicas, limit, row, rows)
        self._scale(deployment, new, size)
        if size != row.wanted:
            return
        by_name = {name_of(each): each for each in old}
        for name, smaller in old_sizes(replicas, limit, row, rows).items():
            self._scale(deployment, by_name[name], smaller)

    def _has_pods(self, replica_set: Object) -> bool:
        return bool(claimed(self._client, "pods", replica_set))

    def _scale_paused(self, deployment: Object, sets: Sequence[Object]) -> None:
        """A paused Deployment still follows `kubectl scale`; the difference goes to its newest ReplicaSet."""
        active = [each for each in sets if each["spec"].get("replicas", 0)] or list(sets[-1:])
        if active:
            others = sum(each["spec"].get("replicas", 0) for each in active[:-1])
            self._scale(deployment, active[-1], max(0, deployment["spec"].get("replicas", 1) - others))

    def _scale(self, deployment: Object, replica_set: Object, size: int) -> None:
        before = replica_set["spec"].get("replicas", 1)
        patch: Object = {}
        if not _sizes(deployment).items() <= annotations_of(replica_set).items():
            patch["metadata"] = {"annotations": _sizes(deployment)}
        if before != size:
            patch["spec"] = {"replicas": size}
        if patch:
            self._client.merge(SETS, namespace_of(replica_set), name_of(replica_set), patch)
        if before != size:
            self._scaled(deployment, replica_set, before, size)

    def _scaled(self, deployment: Object, replica_set: Object, before: int, size: int) -> None:
        direction = "up" if size > before else "down"
        message = f"Scaled {direction} replica set {name_of(replica_set)} from {before} to {size}"
        self._events.event(deployment, "Normal", "ScalingReplicaSet", message)

    def _note_pause(self, deployment: Object) -> Object:
        """Keeps a pause out of the reckoning of the progress deadline."""
        progress = condition(deployment, "Progressing")
        if progress is None or progress["reason"] == "ProgressDeadlineExceeded":
            return deployment
        paused = bool(deployment["spec"].get("paused"))
        if paused and progress["reason"] != "DeploymentPaused":
            said = progress_condition("Unknown", "DeploymentPaused", "Deployment is paused")
        elif not paused and progress["reason"] == "DeploymentPaused":
            said = progress_condition("Unknown", "DeploymentResumed", "Deployment is resumed")
        else:
            return deployment
        return self._with_progress(deployment, said)

    def _with_progress(self, deployment: Object, said: Object) -> Object:
        status = deployment.get("status") or {}
        conditions = with_progress(status.get("conditions") or [], said, self._clock.now())
        return self._client.update_status(
            RESOURCE, {**deployment, "status": {**status, "conditions": conditions}}
        )

    def _conclude(self, deployment: Object) -> float | None:
        sets = sorted(claimed(self._client, SETS, deployment), key=_age)
        template = deployment["spec"]["template"]
        new = next((s for s in sets if same_template(s["spec"]["template"], template)), None)
        old = [s for s in sets if new is None or name_of(s) != name_of(new)]
        status = deployment_status(deployment, new, old, self._clock.now())
        self._client.update_status(RESOURCE, {**deployment, "status": status})
        progress = condition({"status": status}, "Progressing")
        if progress is not None and progress["reason"] == "NewReplicaSetAvailable":
            self._forget_old(deployment, old)
        return seconds_to_deadline(deployment, status, self._clock.now())

    def _forget_old(self, deployment: Object, old: Sequence[Object]) -> None:
        idle = [
            s for s in old if not s["spec"].get("replicas") and not (s.get("status") or {}).get("replicas")
        ]
        idle.sort(key=lambda each: int(annotations_of(each).get(REVISION, "0")))
        for each in idle[: max(0, len(idle) - deployment["spec"].get("revisionHistoryLimit", 10))]:
            self._client.delete(SETS, namespace_of(each), name_of(each))


def _age(replica_set: Object) -> tuple[str, str]:
    return (replica_set["metadata"].get("creationTimestamp", ""), name_of(replica_set))


def _row(replica_set: Object) -> Replicas:
    available = (replica_set.get("status") or {}).get("availableReplicas", 0)
    return Replicas(name_of(replica_set), replica_set["spec"].get("replicas", 1), available)


def _rows(sets: Sequence[Object]) -> list[Replicas]:
    return [_row(each) for each in sets]


def _bounds(deployment: Object) -> Bounds:
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    replicas = deployment["spec"].get("replicas", 1)
    return bounds(replicas, rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%"))


def _sizes(deployment: Object) -> dict[str, str]:
    replicas, strategy = deployment["spec"].get("replicas", 1), deployment["spec"].get("strategy") or {}
    surge = 0 if strategy.get("type") == "Recreate" or not replicas else _bounds(deployment).surge
    return {DESIRED: str(replicas), MAXIMUM: str(replicas + surge)}


def _copied(deployment: Object) -> dict[str, str]:
    return {key: value for key, value in annotations_of(deployment).items() if key not in _NOT_COPIED}
