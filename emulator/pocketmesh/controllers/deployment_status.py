"""What a Deployment says of itself: counters and the conditions Available and Progressing.

Pure. Reasons and messages are those of pkg/controller/deployment/{progress,sync}.go and
pkg/controller/deployment/util/deployment_util.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pocketmesh.clock import parse, rfc3339
from pocketmesh.controllers.conditions import without_condition
from pocketmesh.controllers.deployment_sets import limits
from pocketmesh.objects import Object, condition, name_of

_NO_DEADLINE: Final = 2**31 - 1
_DONE: Final = "NewReplicaSetAvailable"
_OVERDUE: Final = "ProgressDeadlineExceeded"


def deployment_status(
    deployment: Object, new: Object | None, old: Sequence[Object], now: datetime, *, rolling: bool = True
) -> Object:
    """The status that follows from the ReplicaSets as they are.

    Unless it is `rolling` (it is paused, or was only scaled) nothing is said of progress or failures.
    """
    sets = [*old, *([new] if new else [])]
    counters = _counters(deployment, new, sets)
    before = deployment.get("status") or {}
    conditions = _with_timed(before.get("conditions") or [], _available(deployment, counters), now)
    if rolling:
        conditions = _with_rollout(deployment, new, old, conditions, counters, now)
    status: Object = {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        **{name: count for name, count in counters.items() if count},
        "conditions": conditions,
    }
    if sets:
        status["terminatingReplicas"] = _total(sets, "terminatingReplicas")
    if before.get("collisionCount"):
        status["collisionCount"] = before["collisionCount"]
    return status


def progress_condition(status: str, reason: str, message: str) -> Object:
    """A Progressing condition without its times."""
    return {"type": "Progressing", "status": status, "reason": reason, "message": message}


def with_progress(conditions: Sequence[Object], new: Object, now: datetime) -> list[Object]:
    """The conditions with a Progressing condition that the controller sets by itself."""
    return _with_timed(conditions, new, now)


def watches_progress(deployment: Object) -> bool:
    """Whether `progressDeadlineSeconds` asks for a Progressing condition at all."""
    return _deadline(deployment) != _NO_DEADLINE


def is_complete(deployment: Object) -> bool:
    """Whether the status says that all pods are of the present template, and available."""
    status, metadata = deployment.get("status") or {}, deployment["metadata"]
    observed = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
    return observed and _is_rolled_out(deployment, status)


def seconds_to_deadline(deployment: Object, status: Object, now: datetime) -> float | None:
    """When to look again for a rollout that makes no progress, None when it is not under way."""
    progress = condition({"status": status}, "Progressing")
    if progress is None or not watches_progress(deployment) or deployment["spec"].get("paused"):
        return None
    if progress["reason"] in (_DONE, _OVERDUE):
        return None
    waited = (now - parse(progress["lastUpdateTime"])).total_seconds()
    return max(1.0, _deadline(deployment) - waited + 1)


def _deadline(deployment: Object) -> float:
    return float(deployment["spec"].get("progressDeadlineSeconds", 600))


def _total(sets: Sequence[Object], field: str) -> int:
    return sum((each.get("status") or {}).get(field, 0) for each in sets)


def _counters(deployment: Object, new: Object | None, sets: Sequence[Object]) -> dict[str, int]:
    wanted = sum(each["spec"].get("replicas", 0) for each in sets)
    available = _total(sets, "availableReplicas")
    return {
        "replicas": _total(sets, "replicas"),
        "updatedReplicas": _total([new] if new else [], "replicas"),
        "readyReplicas": _total(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
    }


def _available(deployment: Object, counters: dict[str, int]) -> Object:
    least = deployment["spec"].get("replicas", 1) - limits(deployment).unavailable
    if counters["availableReplicas"] >= least:
        reason, message = "MinimumReplicasAvailable", "Deployment has minimum availability."
        return {"type": "Available", "status": "True", "reason": reason, "message": message}
    reason, message = "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
    return {"type": "Available", "status": "False", "reason": reason, "message": message}


def _with_rollout(
    deployment: Object,
    new: Object | None,
    old: Sequence[Object],
    conditions: list[Object],
    counters: dict[str, int],
    now: datetime,
) -> list[Object]:
    progress = _progress(deployment, new, counters, now)
    if not watches_progress(deployment):
        conditions = without_condition(conditions, "Progressing")
    elif progress is not None:
        conditions = _with_timed(conditions, progress, now, renewed=progress["reason"] == "ReplicaSetUpdated")
    failing = (condition(each, "ReplicaFailure") for each in [*([new] if new else []), *old])
    failure = next((found for found in failing if found), None)
    if failure is None:
        return without_condition(conditions, "ReplicaFailure")
    present = condition({"status": {"conditions": conditions}}, "ReplicaFailure")
    if present and present["reason"] == failure["reason"]:
        return conditions
    told = {**failure, "lastUpdateTime": failure["lastTransitionTime"]}
    return [*without_condition(conditions, "ReplicaFailure"), told]


def _progress(
    deployment: Object, new: Object | None, counters: dict[str, int], now: datetime
) -> Object | None:
    before = deployment.get("status") or {}
    current = condition(deployment, "Progressing")
    whole = counters["replicas"] == counters["updatedReplicas"]
    if current is not None and whole and current["reason"] == _DONE:
        return None
    subject = f'ReplicaSet "{name_of(new)}"' if new else f'Deployment "{name_of(deployment)}"'
    if _is_rolled_out(deployment, counters):
        return progress_condition("True", _DONE, f"{subject} has successfully progressed.")
    if _has_moved(before, counters):
        return progress_condition("True", "ReplicaSetUpdated", f"{subject} is progressing.")
    if current is not None and _is_overdue(deployment, current, now):
        return progress_condition("False", _OVERDUE, f"{subject} has timed out progressing.")
    return None


def _is_rolled_out(deployment: Object, status: Object) -> bool:
    replicas = deployment["spec"].get("replicas", 1)
    fields = ("updatedReplicas", "replicas", "availableReplicas")
    return all(status.get(field, 0) == replicas for field in fields)


def _has_moved(before: Object, counters: dict[str, int]) -> bool:
    old_now = counters["replicas"] - counters["updatedReplicas"]
    old_before = before.get("replicas", 0) - before.get("updatedReplicas", 0)
    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return old_now < old_before or any(counters[field] > before.get(field, 0) for field in grown)


def _is_overdue(deployment: Object, current: Object, now: datetime) -> bool:
    if current["reason"] in (_OVERDUE, _DONE):
        return bool(current["reason"] == _OVERDUE)
    return (now - parse(current["lastUpdateTime"])).total_seconds() > _deadline(deployment)


def _with_timed(
    conditions: Sequence[Object], new: Object, now: datetime, *, renewed: bool = False
) -> list[Object]:
    """The conditions with `new` at their end; unlike elsewhere a Deployment's also carry
    `lastUpdateTime`, which progress alone (`renewed`) moves too."""
    old = condition({"status": {"conditions": conditions}}, new["type"])
    if old and not renewed and (old["status"], old.get("reason")) == (new["status"], new["reason"]):
        return list(conditions)
    time = rfc3339(now)
    kept = old["lastTransitionTime"] if old and old["status"] == new["status"] else time
    times = {"lastUpdateTime": time, "lastTransitionTime": kept}
    return [*without_condition(conditions, new["type"]), {**new, **times}]
