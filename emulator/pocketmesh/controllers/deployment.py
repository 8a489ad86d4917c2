"""Deployments: a ReplicaSet for each pod template, scaled up and down so that the newest takes over.

Follows pkg/controller/deployment; what is computed there stands in `rollout`, `deployment_sets` and
`deployment_status`. `kubectl rollout undo` patches the template back, so an old ReplicaSet is simply
found again.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.api.errors import ApiError
from pocketmesh.clock import Clock
from pocketmesh.controllers.deployment_sets import (
    REVISION,
    age,
    brought_up_to_date,
    forgettable,
    is_saturated,
    limits,
    of_template,
    replica_set,
    revision_of,
    row,
    sizes,
    was_scaled,
)
from pocketmesh.controllers.deployment_status import (
    deployment_status,
    is_complete,
    progress_condition,
    seconds_to_deadline,
    watches_progress,
    with_progress,
)
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.keys import Place, own_and_controlled
from pocketmesh.controllers.owners import claimed
from pocketmesh.controllers.pods import phase
from pocketmesh.controllers.rollout import Replicas, new_size, old_sizes, shared_out
from pocketmesh.controllers.templates import template_hash
from pocketmesh.objects import (
    Object,
    annotations_of,
    condition,
    controller_of,
    name_of,
    namespace_of,
)
from pocketmesh.store import Event

RESOURCE: Final = "deployments.apps"
SETS: Final = "replicasets.apps"


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
        behind = self._client.get(SETS, namespace_of(pod), owner.get("name", ""))
        deployment = controller_of(behind) if behind else None
        if deployment is not None and deployment["kind"] == "Deployment":
            yield (namespace_of(pod), deployment["name"])

    def reconcile(self, key: Place) -> float | None:
        deployment = self._client.get(RESOURCE, *key)
        if deployment is None:
            return None
        if "deletionTimestamp" in deployment["metadata"]:
            return self._conclude(deployment, rolling=False)
        deployment = self._note_pause(deployment)
        sets = self._sets(deployment)
        new = of_template(deployment, sets)
        old = [each for each in sets if each is not new]
        paused = bool(deployment["spec"].get("paused"))
        resized = paused or was_scaled(deployment, sets)
        if resized:
            if new is not None:
                deployment, new = self._noted(deployment, new, old)
            self._resize(deployment, new, old)
        elif _recreates(deployment):
            deployment = self._recreate(deployment, new, old)
        else:
            deployment, new = self._current(deployment, new, old)
            self._roll(deployment, new, old)
        if paused or is_complete(deployment):
            for each in forgettable(deployment, old):
                self._client.delete(SETS, namespace_of(each), name_of(each))
        return self._conclude(deployment, rolling=not resized)

    def _sets(self, deployment: Object) -> list[Object]:
        return sorted(claimed(self._client, SETS, deployment), key=age)

    def _current(
        self, deployment: Object, new: Object | None, old: Sequence[Object]
    ) -> tuple[Object, Object]:
        """The ReplicaSet of the present template, made when missing."""
        return self._created(deployment, old) if new is None else self._noted(deployment, new, old)

    def _noted(self, deployment: Object, new: Object, old: Sequence[Object]) -> tuple[Object, Object]:
        """The ReplicaSet with the newest revision number, and the Deployment that says so."""
        patch = brought_up_to_date(deployment, new, max(map(revision_of, old), default=0))
        if patch:
            new = self._client.merge(SETS, namespace_of(new), name_of(new), patch)
        deployment = self._with_revision(deployment, revision_of(new))
        if condition(deployment, "Progressing") is None:
            message = f'Found new replica set "{name_of(new)}"'
            deployment = self._say_progress(deployment, "True", "FoundNewReplicaSet", message)
        return deployment, new

    def _created(self, deployment: Object, old: Sequence[Object]) -> tuple[Object, Object]:
        replicas, revision = _replicas(deployment), max(map(revision_of, old), default=0) + 1
        size = replicas
        if not _recreates(deployment):
            size = new_size(replicas, limits(deployment), Replicas("", 0, 0), [row(each) for each in old])
        wanted = replica_set(deployment, self._free_digest(deployment), revision, size)
        try:
            new = self._client.create(SETS, wanted)
        except ApiError as error:
            message = f'Failed to create new replica set "{name_of(wanted)}": {error}'
            self._say_progress(deployment, "False", "ReplicaSetCreateError", message)
            self._events.event(deployment, "Warning", "ReplicaSetCreateError", message)
            raise
        if size:
            self._say_scaled(deployment, new, 0, size)
        deployment = self._with_revision(deployment, revision)
        message = f'Created new replica set "{name_of(new)}"'
        return self._say_progress(deployment, "True", "NewReplicaSetCreated", message), new

    def _free_digest(self, deployment: Object) -> str:
        """The template's hash, probed further where the name is taken by a set of another template."""
        template, collisions = deployment["spec"]["template"], 0
        place = (SETS, namespace_of(deployment))
        while self._client.get(*place, f"{name_of(deployment)}-{template_hash(template, collisions)}"):
            collisions += 1
        return template_hash(template, collisions)

    def _with_revision(self, deployment: Object, revision: int) -> Object:
        """Written through the status, so that it does not count as a new generation."""
        if revision_of(deployment) == revision:
            return deployment
        annotations = {**annotations_of(deployment), REVISION: str(revision)}
        annotated = {**deployment["metadata"], "annotations": annotations}
        return self._client.update_status(RESOURCE, {**deployment, "metadata": annotated})

    def _roll(self, deployment: Object, new: Object, old: Sequence[Object]) -> None:
        replicas, limit = _replicas(deployment), limits(deployment)
        current, others = row(new), [row(each) for each in old]
        size = new_size(replicas, limit, current, others)
        if size != current.wanted:
            self._scale(deployment, new, size)
            return
        by_name = {name_of(each): each for each in old}
        for name, smaller in old_sizes(replicas, limit, current, others).items():
            self._scale(deployment, by_name[name], smaller)

    def _recreate(self, deployment: Object, new: Object | None, old: Sequence[Object]) -> Object:
        """Makes the new pods when none of the old is left that may still run."""
        for each in old:
            self._scale(deployment, each, 0)
        if any(self._runs_pods(each) for each in old):
            return deployment
        deployment, new = self._current(deployment, new, old)
        self._scale(deployment, new, _replicas(deployment))
        return deployment

    def _runs_pods(self, each: Object) -> bool:
        if (each.get("status") or {}).get("replicas"):
            return True
        pods = claimed(self._client, "pods", each)
        return any(phase(pod) not in ("Failed", "Succeeded") for pod in pods)

    def _resize(self, deployment: Object, new: Object | None, old: Sequence[Object]) -> None:
        """Follows `kubectl scale` without driving a rollout on: while paused, or in the midst of one."""
        sets = [*old, *([new] if new else [])]
        active = [each for each in sets if each["spec"].get("replicas")]
        replicas, limit = _replicas(deployment), limits(deployment)
        if len(active) <= 1:
            for only in active or sets[-1:]:
                self._scale(deployment, only, replicas)
        elif is_saturated(deployment, new):
            for each in old:
                self._scale(deployment, each, 0)
        elif not _recreates(deployment):
            present = (deployment.get("status") or {}).get("replicas", 0)
            rows = [row(each) for each in sorted(active, key=age)]
            shares = shared_out(replicas, limit.surge, rows, present)
            for each in active:
                self._scale(deployment, each, shares[name_of(each)], noting=True)

    def _scale(self, deployment: Object, each: Object, size: int, *, noting: bool = False) -> None:
        """Gives a ReplicaSet its size; `noting` remembers the Deployment's even if that is all."""
        before = each["spec"].get("replicas", 1)
        remembered = sizes(deployment)
        if before == size and not (noting and not remembered.items() <= annotations_of(each).items()):
            return
        patch = {"metadata": {"annotations": remembered}, "spec": {"replicas": size}}
        self._client.merge(SETS, namespace_of(each), name_of(each), patch)
        if before != size:
            self._say_scaled(deployment, each, before, size)

    def _say_scaled(self, deployment: Object, each: Object, before: int, size: int) -> None:
        direction = "up" if size > before else "down"
        message = f"Scaled {direction} replica set {name_of(each)} from {before} to {size}"
        self._events.event(deployment, "Normal", "ScalingReplicaSet", message)

    def _note_pause(self, deployment: Object) -> Object:
        """Keeps a pause out of the reckoning of the progress deadline."""
        reason = (condition(deployment, "Progressing") or {}).get("reason")
        paused = bool(deployment["spec"].get("paused"))
        if reason == "ProgressDeadlineExceeded" or paused is (reason == "DeploymentPaused"):
            return deployment
        word = "paused" if paused else "resumed"
        return self._say_progress(deployment, "Unknown", f"Deployment{word.title()}", f"Deployment is {word}")

    def _say_progress(self, deployment: Object, status: str, reason: str, message: str) -> Object:
        if not watches_progress(deployment):
            return deployment
        before = deployment.get("status") or {}
        said = progress_condition(status, reason, message)
        conditions = with_progress(before.get("conditions") or [], said, self._clock.now())
        return self._client.update_status(
            RESOURCE, {**deployment, "status": {**before, "conditions": conditions}}
        )

    def _conclude(self, deployment: Object, *, rolling: bool) -> float | None:
        """Writes down how it stands; only while `rolling` does it tell of progress."""
        sets = self._sets(deployment)
        new = of_template(deployment, sets)
        old = [each for each in sets if each is not new]
        status = deployment_status(deployment, new, old, self._clock.now(), rolling=rolling)
        self._client.update_status(RESOURCE, {**deployment, "status": status})
        return seconds_to_deadline(deployment, status, self._clock.now())


def _replicas(deployment: Object) -> int:
    return int(deployment["spec"].get("replicas", 1))


def _recreates(deployment: Object) -> bool:
    return (deployment["spec"].get("strategy") or {}).get("type") == "Recreate"
