"""Columns of what makes pods, and of what scales and protects them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pocketmesh import clock
from pocketmesh.objects import Object, controller_of, is_true
from pocketmesh.schema import ages
from pocketmesh.schema.builtin.columns.cells import (
    AGE,
    NAME,
    NONE,
    UNSET,
    at,
    labels,
    names,
    number,
    selector,
    text,
    timed,
)
from pocketmesh.schema.builtin.conversion import RESOURCE, converted
from pocketmesh.schema.kind import Column


def _template(path: str = "spec.template") -> tuple[Column, Column]:
    def containers(obj: Object) -> Any:
        return at(obj, f"{path}.spec.containers", ())

    return (
        text("Containers", lambda obj: names(containers(obj)), wide=True),
        text("Images", lambda obj: names(containers(obj), "image"), wide=True),
    )


def _fraction(part: str, whole: str) -> Column:
    return text("Ready", lambda obj: f"{at(obj, part, 0)}/{at(obj, whole, 0)}")


def _job_status(job: Object) -> str:
    if is_true(job, "Complete"):
        return "Complete"
    if is_true(job, "Failed"):
        return "Failed"
    if "deletionTimestamp" in job["metadata"]:
        return "Terminating"
    later = ("Suspended", "FailureTarget", "SuccessCriteriaMet")
    return next((kind for kind in later if is_true(job, kind)), "Running")


def _completions(job: Object) -> str:
    succeeded, wanted = at(job, "status.succeeded", 0), at(job, "spec.completions", None)
    if wanted is not None:
        return f"{succeeded}/{wanted}"
    parallel = at(job, "spec.parallelism", 0)
    return f"{succeeded}/1 of {parallel}" if parallel > 1 else f"{succeeded}/1"


def _job_duration(job: Object, now: datetime) -> str:
    start, end = at(job, "status.startTime"), at(job, "status.completionTime")
    return ages.since(start, clock.parse(end) if end else now) if start else ""


def _last_schedule(cron_job: Object, now: datetime) -> str:
    last = at(cron_job, "status.lastScheduleTime")
    return ages.since(last, now) if last else NONE


def _suspended(cron_job: Object) -> str:
    suspend = at(cron_job, "spec.suspend", None)
    return UNSET if suspend is None else str(bool(suspend))


def _scale_target(hpa: Object) -> str:
    return f"{at(hpa, 'spec.scaleTargetRef.kind')}/{at(hpa, 'spec.scaleTargetRef.name')}"


def _metrics(hpa: Object) -> str:
    hpa = converted(RESOURCE, hpa, "autoscaling/v2")
    specs = at(hpa, "spec.metrics", ())
    current = at(hpa, "status.currentMetrics", ())
    shown = [
        _metric(spec, current[index] if index < len(current) else {}) for index, spec in enumerate(specs)
    ]
    more = f" + {len(shown) - 2} more..." if len(shown) > 2 else ""
    return ", ".join(shown[:2]) + more or NONE


def _metric(spec: Object, status: Object) -> str:
    """`cpu: 12%/80%` (upstream: `formatHPAMetrics`)."""
    source = spec["type"][:1].lower() + spec["type"][1:]
    target = at(spec, f"{source}.target", {})
    current = at(status, f"{source}.current", {})
    prefix = f"{at(spec, f'{source}.name')}: " if source.lower().endswith("resource") else ""
    if "averageValue" in target:
        suffix = "" if prefix or source == "pods" else " (avg)"
        return f"{prefix}{current.get('averageValue', '<unknown>')}/{target['averageValue']}{suffix}"
    if prefix:
        wanted = _percent(target.get("averageUtilization"), "<auto>")
        return f"{prefix}{_percent(current.get('averageUtilization'), '<unknown>')}/{wanted}"
    return f"{current.get('value', '<unknown>')}/{target.get('value', '')}"


def _percent(value: object, otherwise: str) -> str:
    return otherwise if value is None else f"{value}%"


def _controller(revision: Object) -> str:
    owner = controller_of(revision)
    if owner is None:
        return NONE
    group, slash, _ = owner["apiVersion"].partition("/")
    kind = f"{owner['kind']}.{group}" if slash else owner["kind"]
    return f"{kind.lower()}/{owner['name']}"


_SELECTOR: Final = text("Selector", lambda obj: selector(at(obj, "spec.selector", None)), wide=True)
_LABELS: Final = text("Selector", lambda obj: labels(at(obj, "spec.selector", None)), wide=True)
_REPLICAS: Final = (
    NAME,
    number("Desired", "spec.replicas"),
    number("Current", "status.replicas"),
    number("Ready", "status.readyReplicas"),
    AGE,
)

COLUMNS: Final[dict[str, tuple[Column, ...]]] = {
    "replicationcontrollers": (*_REPLICAS, *_template(), _LABELS),
    "replicasets.apps": (*_REPLICAS, *_template(), _SELECTOR),
    "deployments.apps": (
        NAME,
        _fraction("status.readyReplicas", "spec.replicas"),
        text("Up-to-date", lambda obj: at(obj, "status.updatedReplicas", 0)),
        text("Available", lambda obj: at(obj, "status.availableReplicas", 0)),
        AGE,
        *_template(),
        _SELECTOR,
    ),
    "daemonsets.apps": (
        NAME,
        number("Desired", "status.desiredNumberScheduled"),
        number("Current", "status.currentNumberScheduled"),
        number("Ready", "status.numberReady"),
        number("Up-to-date", "status.updatedNumberScheduled"),
        number("Available", "status.numberAvailable"),
        text("Node Selector", lambda obj: labels(at(obj, "spec.template.spec.nodeSelector", None))),
        AGE,
        *_template(),
        _SELECTOR,
    ),
    "statefulsets.apps": (NAME, _fraction("status.readyReplicas", "spec.replicas"), AGE, *_template()),
    "controllerrevisions.apps": (
        NAME,
        text("Controller", _controller),
        text("Revision", lambda obj: obj.get("revision", 0)),
        AGE,
    ),
    "jobs.batch": (
        NAME,
        text("Status", _job_status),
        text("Completions", _completions),
        timed("Duration", _job_duration),
        AGE,
        *_template(),
        _SELECTOR,
    ),
    "cronjobs.batch": (
        NAME,
        text("Schedule", lambda obj: at(obj, "spec.schedule")),
        text("Timezone", lambda obj: at(obj, "spec.timeZone", NONE)),
        text("Suspend", _suspended),
        text("Active", lambda obj: len(at(obj, "status.active", ()))),
        timed("Last Schedule", _last_schedule),
        AGE,
        *_template("spec.jobTemplate.spec.template"),
        text("Selector", lambda obj: selector(at(obj, "spec.jobTemplate.spec.selector", None)), wide=True),
    ),
    "podtemplates": (
        NAME,
        text("Containers", lambda obj: names(at(obj, "template.spec.containers", ()))),
        text("Images", lambda obj: names(at(obj, "template.spec.containers", ()), "image")),
        text("Pod Labels", lambda obj: labels(at(obj, "template.metadata.labels", None))),
    ),
    "horizontalpodautoscalers.autoscaling": (
        NAME,
        text("Reference", _scale_target),
        text("Targets", _metrics),
        text("MinPods", lambda obj: str(at(obj, "spec.minReplicas", UNSET))),
        text("MaxPods", lambda obj: at(obj, "spec.maxReplicas", 0)),
        text("Replicas", lambda obj: at(obj, "status.currentReplicas", 0)),
        AGE,
    ),
    "poddisruptionbudgets.policy": (
        NAME,
        text("Min Available", lambda obj: str(at(obj, "spec.minAvailable", "N/A"))),
        text("Max Unavailable", lambda obj: str(at(obj, "spec.maxUnavailable", "N/A"))),
        number("Allowed Disruptions", "status.disruptionsAllowed"),
        AGE,
    ),
}
