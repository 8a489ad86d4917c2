"""Defaults of the HorizontalPodAutoscaler."""

from __future__ import annotations

from typing import Any

from pocketmesh.objects import Object


def horizontal_pod_autoscaler(obj: Object) -> None:
    """A HorizontalPodAutoscaler: 80 % CPU unless it says otherwise, which in `v1` shows on conversion."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if obj.get("apiVersion") == "autoscaling/v1":
        obj.setdefault("status", {})
        return
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        up = {"stabilizationWindowSeconds": 0, **_policies(("Pods", 4), ("Percent", 100))}
        behavior["scaleUp"] = {**up, **behavior.get("scaleUp", {})}
        behavior["scaleDown"] = {**_policies(("Percent", 100)), **behavior.get("scaleDown", {})}
    obj.setdefault("status", {})


def _policies(*policies: tuple[str, int]) -> dict[str, Any]:
    return {
        "selectPolicy": "Max",
        "policies": [{"type": kind, "value": value, "periodSeconds": 15} for kind, value in policies],
    }
