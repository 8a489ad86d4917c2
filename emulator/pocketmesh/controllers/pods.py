"""What workload controllers need to know of pods, as pure functions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pocketmesh.clock import parse
from pocketmesh.controllers.owners import owner_reference
from pocketmesh.objects import Object, condition, is_true, labels_of, name_of, namespace_of


def phase(pod: Object) -> str:
    """`status.phase`."""
    return str((pod.get("status") or {}).get("phase", "Pending"))


def is_active(pod: Object) -> bool:
    """Whether a pod counts as a replica: not finished, not being deleted."""
    return phase(pod) not in ("Succeeded", "Failed") and "deletionTimestamp" not in pod["metadata"]


def is_terminating(pod: Object) -> bool:
    """Whether a pod is being deleted and may still run."""
    return phase(pod) not in ("Succeeded", "Failed") and "deletionTimestamp" in pod["metadata"]


def is_ready(pod: Object) -> bool:
    """Whether the pod's condition Ready is true."""
    return is_true(pod, "Ready")


def seconds_to_available(pod: Object, min_ready: int, now: datetime) -> float | None:
    """0 when the pod has been ready for `min_ready` seconds, else what is missing; None when not ready."""
    ready = condition(pod, "Ready")
    if ready is None or ready.get("status") != "True":
        return None
    if not min_ready or not ready.get("lastTransitionTime"):
        return 0.0
    due = parse(ready["lastTransitionTime"]) + timedelta(seconds=min_ready)
    return max(0.0, (due - now).total_seconds())


def deletion_rank(pod: Object) -> tuple[Any, ...]:
    """Sorts the pods that are least missed first (pkg/controller/controller_utils.go, ActivePodsWithRanks):
    unassigned, pending, not ready, cheap to delete, ready for a shorter time, more restarts, newer."""
    status, metadata = pod.get("status") or {}, pod["metadata"]
    cost = (metadata.get("annotations") or {}).get("controller.kubernetes.io/pod-deletion-cost", "0")
    restarts = max((c.get("restartCount", 0) for c in status.get("containerStatuses") or []), default=0)
    ready = condition(pod, "Ready") or {}
    return (
        bool(pod["spec"].get("nodeName")),
        {"Pending": 0, "Unknown": 1}.get(phase(pod), 2),
        is_ready(pod),
        int(cost),
        _newest_first(ready.get("lastTransitionTime", "")) if is_ready(pod) else 0,
        -restarts,
        _newest_first(metadata.get("creationTimestamp", "")),
    )


def _newest_first(time: str) -> float:
    return -parse(time).timestamp() if time else 0.0


def from_template(owner: Object, template: Object, labels: dict[str, str] | None = None) -> Object:
    """A new pod of a workload, with a generated name."""
    metadata = template.get("metadata") or {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": f"{name_of(owner)}-",
            "namespace": namespace_of(owner),
            "labels": {**labels_of(template), **(labels or {})},
            "annotations": metadata.get("annotations") or {},
            "finalizers": metadata.get("finalizers") or [],
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": template["spec"],
    }
