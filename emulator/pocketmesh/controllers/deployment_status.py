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
from pocketmesh.controllers.rollout import bounds
from pocketmesh.objects import Object, condition, name_of

NO_DEADLINE: Final = 2**31 - 1


def deployment_status(deployment: Object, new: Object | None, old: Sequence[Object], now: datetime) -> Object:
    """The status that follows from the ReplicaSets as they are."""
    sets = [*([new] if new else []), *old]
    counters = _counters(deployment, new, sets)
    before = deployment.get("status") or {}
    conditions = _with_timed(before.get("conditions") or [], _available(deployment, counters), now)
    progress = _progress(deployment, new, counters, now)
    deadline = deployment["spec"].get("progressDeadlineSeconds", 600)
    if deadline == NO_DEADLINE:
        conditions = without_condition(conditions, "Progressing")
    elif progress is not None:
        conditions = _with_timed(conditions, progress, now, renewed=progress["reason"] == "ReplicaSetUpdated")
    failures = [failure for each in sets if (failure := condition(each, "ReplicaFailure"))]
    conditions = without_condition(conditions, "ReplicaFailure")
    if failures:
        conditions = _with_timed(conditions, {k: failures[0][k] for k in _SAID if k in failures[0]}, now)
    status: Object = {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        **{name: count for name, count in counters.items() if count},
        "conditions": conditions,
    }
    if before.get("collisionCount"):
        status["collisionCount"] = before["collisionCount"]
    return status


_SAID: Final = ("type", "status", "reason", "message")


def progress_condition(status: str, reason: str, message: str) -> Object:
    """A Progressing condition without its times."""
    return {"type": "Progressing", "status": status, "reason": reason, "message": message}


def seconds_to_deadline(deployment: Object, status: Object, now: datetime) -> float | None:
    """When to look again for a rollout that makes no progress, None when it is not under way."""
    progress = condition({"status": status}, "Progressing")
    deadline = deployment["spec"].get("progressDeadlineSeconds", 600)
    if progress is None or deadline == NO_DEADLINE or progress["reason"] not in _UNDER_WAY:
        return None
    waited = (now - parse(progress["lastUpdateTime"])).total_seconds()
    return max(1.0, float(deadline) - waited + 1)


_UNDER_WAY: Final = ("NewReplicaSetCreated", "FoundNewReplicaSet", "ReplicaSetUpdated", "DeploymentResumed")


def _counters(deployment: Object, new: Object | None, sets: Sequence[Object]) -> dict[str, int]:
    def total(field: str) -> int:
        return sum((each.get("status") or {}).get(field, 0) for each in sets)

    wanted = sum(each["spec"].get("replicas", 0) for each in sets)
    available = total("availableReplicas")
    return {
        "replicas": total("replicas"),
        "updatedReplicas": ((new or {}).get("status") or {}).get("replicas", 0),
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
    }


def _available(deployment: Object, counters: dict[str, int]) -> Object:
    replicas = deployment["spec"].get("replicas", 1)
    strategy = deployment["spec"].get("strategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    spare = 0
    if strategy.get("type") == "RollingUpdate" and replicas:
        spare = bounds(
            replicas, rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%")
        ).unavailable
    if counters["availableReplicas"] >= replicas - spare:
        reason, message = "MinimumReplicasAvailable", "Deployment has minimum availability."
        return {"type": "Available", "status": "True", "reason": reason, "message": message}
    reason, message = "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
    return {"type": "Available", "status": "False", "reason": reason, "message": message}


def _progress(
    deployment: Object, new: Object | None, counters: dict[str, int], now: datetime
) -> Object | None:
    before = deployment.get("status") or {}
    current = condition(deployment, "Progressing")
    whole = counters["replicas"] == counters["updatedReplicas"]
    if current is not None and whole and current["reason"] == "NewReplicaSetAvailable":
        return None
    subject = f'ReplicaSet "{name_of(new)}"' if new else f'Deployment "{name_of(deployment)}"'
    replicas = deployment["spec"].get("replicas", 1)
    if counters["updatedReplicas"] == counters["replicas"] == counters["availableReplicas"] == replicas:
        return progress_condition("True", "NewReplicaSetAvailable", f"{subject} has successfully progressed.")
    old_now = counters["replicas"] - counters["updatedReplicas"]
    old_before = before.get("replicas", 0) - before.get("updatedReplicas", 0)
    moved = (
        any(
            counters[field] > before.get(field, 0)
            for field in ("updatedReplicas", "readyReplicas", "availableReplicas")
        )
        or old_now < old_before
    )
    if moved:
        return progress_condition("True", "ReplicaSetUpdated", f"{subject} is progressing.")
    if current is not None and _overdue(deployment, current, now):
        return progress_condition(
            "False", "ProgressDeadlineExceeded", f"{subject} has timed out progressing."
        )
    return None


def _overdue(deployment: Object, current: Object, now: datetime) -> bool:
    if current["reason"] == "ProgressDeadlineExceeded":
        return True
    if current["reason"] not in _UNDER_WAY:
        return False
    waited = (now - parse(current["lastUpdateTime"])).total_seconds()
    return waited > float(deployment["spec"].get("progressDeadlineSeconds", 600))


def _with_timed(
    conditions: Sequence[Object], new: Object, now: datetime, *, renewed: bool = False
) -> list[Object]:
    """The conditions with `new`; unlike elsewhere a Deployment's also carry `lastUpdateTime`, which
    progress alone (`renewed`) moves too."""
    found = list(conditions)
    index = next((i for i, entry in enumerate(found) if entry["type"] == new["type"]), len(found))
    old = found[index] if index < len(found) else None
    if old and not renewed and (old["status"], old.get("reason")) == (new["status"], new["reason"]):
        return found
    time = rfc3339(now)
    kept = old["lastTransitionTime"] if old and old["status"] == new["status"] else time
    found[index : index + 1] = [
        {
            "type": new["type"],
            "status": new["status"],
            "lastUpdateTime": time,
            "lastTransitionTime": kept,
            "reason": new["reason"],
            "message": new.get("message", ""),
        }
    ]
    return found


def with_progress(conditions: Sequence[Object], new: Object, now: datetime) -> list[Object]:
    """The conditions with a Progressing condition that the controller sets by itself."""
    return _with_timed(conditions, new, now)
