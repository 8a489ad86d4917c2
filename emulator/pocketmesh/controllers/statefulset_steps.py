"""What to do next for a StatefulSet, and what to say of it.

Pure. Follows pkg/controller/statefulset/{stateful_set_control,stateful_set_utils}.go. Ordered pods get one
step at a time, since each step's effect calls the controller again; parallel ones get all at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from pocketmesh.controllers.owners import owner_reference
from pocketmesh.controllers.pods import is_ready, phase, seconds_to_available
from pocketmesh.objects import Object, labels_of, name_of, namespace_of

HASH: Final = "controller-revision-hash"


@dataclass(frozen=True, slots=True)
class Create:
    """Make the pod of an ordinal; `updated` or of the revision that is being replaced."""

    ordinal: int
    updated: bool


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a pod."""

    pod: Object


Step: TypeAlias = Create | Delete
Pods: TypeAlias = Mapping[int, Object]


def wanted(owner: Object) -> range:
    """The ordinals that there should be."""
    start = (owner["spec"].get("ordinals") or {}).get("start", 0)
    return range(start, start + owner["spec"].get("replicas", 1))


def claims(owner: Object, number: int) -> list[Object]:
    """The claims of the pod of an ordinal, in the order of their templates."""
    retention = owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    owners = [owner_reference(owner)] if retention.get("whenDeleted") == "Delete" else []
    selected = (owner["spec"].get("selector") or {}).get("matchLabels") or {}
    found = []
    for template in owner["spec"].get("volumeClaimTemplates") or []:
        metadata = {
            **template["metadata"],
            "name": f"{name_of(template)}-{name_of(owner)}-{number}",
            "namespace": namespace_of(owner),
            "labels": {**labels_of(template), **selected},
            **({"ownerReferences": owners} if owners else {}),
        }
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata}
        found.append({**claim, "spec": template["spec"]})
    return found


def ordinal(owner: Object, pod: Object) -> int:
    """A pod's number, -1 for one that does not bear the set's name."""
    stem, _, number = name_of(pod).rpartition("-")
    return int(number) if stem == name_of(owner) and number.isdecimal() else -1


def steps(owner: Object, pods: Pods, update: str, now: datetime) -> list[Step]:
    """What to do now, given the pods by ordinal and the name of the revision to update to."""
    ordered = owner["spec"].get("podManagementPolicy", "OrderedReady") == "OrderedReady"
    found: list[Step] = []
    for step in _all_steps(owner, pods, now, ordered=ordered):
        if step is not None:
            found.append(step)
        if ordered:
            return found
    return [*found, *_update(owner, pods, update, now)]


def _all_steps(owner: Object, pods: Pods, now: datetime, *, ordered: bool) -> Iterator[Step | None]:
    """The steps towards the right number of pods; None stands for waiting, when pods are ordered."""
    for number in wanted(owner):
        pod = pods.get(number)
        if pod is None:
            yield Create(number, number >= _first_updated(owner))
        elif phase(pod) in ("Failed", "Succeeded"):
            yield None if _is_leaving(pod) else Delete(pod)
        elif ordered and not _is_available(owner, pod, now):
            yield None
    surplus = [(number, pod) for number, pod in sorted(pods.items()) if number not in wanted(owner)]
    unhealthy = next((number for number, pod in surplus if not _is_available(owner, pod, now)), None)
    for number, pod in reversed(surplus):
        waits = not _is_available(owner, pod, now) and number != unhealthy
        if _is_leaving(pod) or (ordered and waits):
            yield None
        else:
            yield Delete(pod)


def _update(owner: Object, pods: Pods, update: str, now: datetime) -> Iterator[Step]:
    """The highest ordinal of an old revision, once all above it are available."""
    strategy = owner["spec"].get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return
    partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    start = wanted(owner).start
    for number in reversed(wanted(owner)):
        pod = pods.get(number)
        if number - start < partition or pod is None:
            return
        if labels_of(pod).get(HASH) != update and not _is_leaving(pod):
            yield Delete(pod)
            return
        if not _is_available(owner, pod, now):
            return


def _first_updated(owner: Object) -> int:
    """The ordinal from which new pods are of the new revision."""
    strategy = owner["spec"].get("updateStrategy") or {}
    partition: int = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    return wanted(owner).start + partition


def status(owner: Object, pods: Sequence[Object], current: str, update: str, now: datetime) -> Object:
    """The status; when all pods are of the new revision and ready, it becomes the current one."""
    living = [pod for pod in pods if not _is_leaving(pod)]
    replicas, ready = owner["spec"].get("replicas", 1), sum(map(_runs_ready, pods))
    updated = sum(labels_of(pod).get(HASH) == update for pod in living)
    strategy = (owner["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate")
    if strategy == "RollingUpdate" and updated == ready == len(pods) == replicas:
        current = update
    min_ready = owner["spec"].get("minReadySeconds", 0)
    counts = {
        "readyReplicas": ready,
        "currentReplicas": sum(labels_of(pod).get(HASH) == current for pod in living),
        "updatedReplicas": updated,
    }
    return {
        "observedGeneration": owner["metadata"].get("generation", 0),
        "replicas": len(pods),
        "availableReplicas": sum(seconds_to_available(pod, min_ready, now) == 0 for pod in pods),
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": 0,
        **{field: count for field, count in counts.items() if count},
    }


def _is_available(owner: Object, pod: Object, now: datetime) -> bool:
    min_ready = owner["spec"].get("minReadySeconds", 0)
    return not _is_leaving(pod) and _runs_ready(pod) and seconds_to_available(pod, min_ready, now) == 0


def _runs_ready(pod: Object) -> bool:
    return phase(pod) == "Running" and is_ready(pod)


def _is_leaving(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]
