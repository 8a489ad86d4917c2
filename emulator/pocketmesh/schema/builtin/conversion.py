"""Between the served versions of a built-in kind: only the HorizontalPodAutoscaler has two.

What `autoscaling/v1` has no field for travels in annotations, so nothing is lost on the way there and back.
Upstream: kubernetes `pkg/apis/autoscaling/v1/conversion.go`; the metrics in the annotation keep v2's form.
"""

from __future__ import annotations

from typing import Final

import orjson

from pocketmesh.objects import Object, annotations_of

RESOURCE: Final = "horizontalpodautoscalers.autoscaling"
_OLD: Final = "autoscaling/v1"
_PREFIX: Final = "autoscaling.alpha.kubernetes.io/"
_TARGET: Final = "targetCPUUtilizationPercentage"
_CURRENT: Final = "currentCPUUtilizationPercentage"
_DEFAULT: Final = 80


def converted(resource: str, obj: Object, api_version: str) -> Object:
    """An object as another version of its kind says it; itself when it is of that version already."""
    if obj.get("apiVersion") == api_version:
        return obj
    if resource == RESOURCE:
        obj = _to_old(obj) if api_version == _OLD else _to_new(obj)
    return {**obj, "apiVersion": api_version}


def _to_old(scaler: Object) -> Object:
    spec, status = {**(scaler.get("spec") or {})}, {**(scaler.get("status") or {})}
    metrics = spec.pop("metrics", None) or []
    target = next((metric for metric in metrics if _cpu_share(metric) is not None), None)
    if target is not None:
        spec[_TARGET] = _cpu_share(target)
    others = {
        "metrics": [metric for metric in metrics if metric is not target],
        "behavior": spec.pop("behavior", None),
        "conditions": status.pop("conditions", None),
        "current-metrics": status.pop("currentMetrics", None),
    }
    noted = {f"{_PREFIX}{name}": orjson.dumps(value).decode() for name, value in others.items() if value}
    annotations = {**annotations_of(scaler), **noted}
    return _with(scaler, annotations, spec, status)


def _to_new(scaler: Object) -> Object:
    spec, status = {**(scaler.get("spec") or {})}, {**(scaler.get("status") or {})}
    annotations = {**annotations_of(scaler)}
    noted = {}
    for name in ("metrics", "behavior", "conditions", "current-metrics"):
        text = annotations.pop(f"{_PREFIX}{name}", "")
        noted[name] = orjson.loads(text) if text else None
    metrics, share = noted["metrics"] or [], spec.pop(_TARGET, None)
    if share is not None or not metrics:
        target = {"type": "Utilization", "averageUtilization": _DEFAULT if share is None else share}
        metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}, *metrics]
    spec["metrics"] = metrics
    if noted["behavior"]:
        spec["behavior"] = noted["behavior"]
    status.pop(_CURRENT, None)
    for field, name in (("conditions", "conditions"), ("currentMetrics", "current-metrics")):
        if noted[name]:
            status[field] = noted[name]
    return _with(scaler, annotations, spec, status)


def _cpu_share(metric: Object) -> int | None:
    resource = metric.get("resource") or {}
    share: int | None = (resource.get("target") or {}).get("averageUtilization")
    return share if resource.get("name") == "cpu" else None


def _with(scaler: Object, annotations: dict[str, str], spec: Object, status: Object) -> Object:
    metadata = {field: value for field, value in scaler["metadata"].items() if field != "annotations"}
    if annotations:
        metadata["annotations"] = annotations
    found = {**scaler, "metadata": metadata, "spec": spec}
    return {**found, "status": status} if "status" in scaler else found
