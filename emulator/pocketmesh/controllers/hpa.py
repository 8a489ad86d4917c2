"""HorizontalPodAutoscalers where nobody measures: their bounds hold, their conditions say what is missing.

Follows pkg/controller/podautoscaler/horizontal.go as it behaves without a metrics server, so nothing is
ever scaled by load.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.api.errors import ApiError
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.controllers.conditions import with_condition
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.keys import Place, own
from pocketmesh.objects import Object, name_of, namespace_of
from pocketmesh.store import Event

RESOURCE: Final = "horizontalpodautoscalers.autoscaling"
_PERIOD: Final = 15.0
_NO_METRICS: Final = "the server could not find the requested resource (get {0}.metrics.k8s.io)"
_NO_CUSTOM: Final = (
    "unable to fetch metrics from custom metrics API: "
    "no custom metrics API (custom.metrics.k8s.io) registered"
)


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """Why a metric has no value: the reason of the condition, the error, and what was asked for."""

    reason: str
    error: str
    asked: str


class Autoscalers:
    """Keeps each target within its bounds and tells why there is no more to it."""

    name = "horizontal-pod-autoscaler"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._events = Recorder(client, clock, "horizontal-pod-autoscaler")

    def concerns(self, event: Event) -> Iterable[Hashable]:
        before = event.previous.object if event.previous else None
        if event.type != "DELETED" and (before or {}).get("spec") != event.object.get("spec"):
            yield from own(event, RESOURCE)

    def reconcile(self, key: Place) -> float | None:
        scaler = self._client.get(RESOURCE, *key)
        if scaler is None:
            return None
        try:
            resource, target = self._target(scaler)
        except ApiError as error:
            self._events.event(scaler, "Warning", "FailedGetScale", str(error))
            why = f"the HPA controller was unable to get the target's current scale: {error}"
            self._write(scaler, [_said("AbleToScale", False, "FailedGetScale", why)])
            return _PERIOD
        current = target["spec"].get("replicas", 1)
        found = "the HPA controller was able to get the target's current scale"
        able = _said("AbleToScale", True, "SucceededGetScale", found)
        wanted, why = bounded(scaler, current)
        if not current:
            off = "scaling is disabled since the replica count of the target is zero"
            self._write(scaler, [able, _said("ScalingActive", False, "ScalingDisabled", off)], 0, 0)
        elif why:
            self._client.merge(resource, key[0], name_of(target), {"spec": {"replicas": wanted}})
            self._events.event(scaler, "Normal", "SuccessfulRescale", f"New size: {wanted}; reason: {why}")
            done = f"the HPA controller was able to update the target scale to {wanted}"
            self._write(
                scaler, [_said("AbleToScale", True, "SucceededRescale", done)], current, wanted, scaled=True
            )
        else:
            self._write(scaler, [able, self._unmeasured(scaler)], current)
        return _PERIOD

    def _target(self, scaler: Object) -> tuple[str, Object]:
        reference = scaler["spec"]["scaleTargetRef"]
        kind = self._client.registry.kinds.of(reference.get("apiVersion", "v1"), reference["kind"])
        if kind is None:
            group = reference.get("apiVersion", "").rpartition("/")[0]
            text = f'no matches for kind "{reference["kind"]}" in group "{group}"'
            raise ApiError(404, "NotFound", text)
        return kind.resource, self._client.registry.get(kind, namespace_of(scaler), reference["name"])

    def _unmeasured(self, scaler: Object) -> Object:
        """Tells of every metric that has no value, and says so in a condition for the first one."""
        metrics = scaler["spec"].get("metrics") or []
        missing = [unmeasured(metric, namespace_of(scaler)) for metric in metrics]
        for each in missing:
            self._events.event(scaler, "Warning", each.reason, each.error)
        first, count = missing[0], len(missing)
        why = (
            f"invalid metrics ({count} invalid out of {count}), first error is: "
            f"failed to get {first.asked} value: {first.error}"
        )
        self._events.event(scaler, "Warning", "FailedComputeMetricsReplicas", why)
        message = f"the HPA was unable to compute the replica count: {first.error}"
        return _said("ScalingActive", False, first.reason, message)

    def _write(
        self,
        scaler: Object,
        said: list[Object],
        current: int | None = None,
        desired: int | None = None,
        *,
        scaled: bool = False,
    ) -> None:
        status, now = {**(scaler.get("status") or {})}, rfc3339(self._clock.now())
        conditions = status.get("conditions") or []
        for each in said:
            conditions = with_condition(conditions, each, now)
        status["conditions"] = conditions
        status["currentMetrics"] = None
        if current is not None:
            status["currentReplicas"] = current
        status["desiredReplicas"] = status.get("desiredReplicas", 0) if desired is None else desired
        if scaled:
            status["lastScaleTime"] = now
        self._client.update_status(RESOURCE, {**scaler, "status": status})


def bounded(scaler: Object, current: int) -> tuple[int, str]:
    """The size within the bounds, and why it is not the present one; empty when it is."""
    most, least = scaler["spec"]["maxReplicas"], scaler["spec"].get("minReplicas", 1)
    if current > most:
        return most, "Current number of replicas above Spec.MaxReplicas"
    if 0 < current < least:
        return least, "Current number of replicas below Spec.MinReplicas"
    return current, ""


def unmeasured(metric: Object, namespace: str) -> Unmeasured:
    """What is said of a metric that nobody serves."""
    source = metric.get(metric["type"][:1].lower() + metric["type"][1:]) or {}
    if metric["type"] in ("Resource", "ContainerResource"):
        name = source["name"]
        what = "usage" if "averageValue" in source["target"] else "utilization"
        error = (
            f"failed to get {name} {what}: unable to get metrics for resource {name}: unable to fetch "
            f"metrics from resource metrics API: {_NO_METRICS.format('pods')}"
        )
        if metric["type"] == "Resource":
            return Unmeasured("FailedGetResourceMetric", error, f"{name} resource metric")
        asked = f"{source['container']} container metric"
        return Unmeasured("FailedGetContainerResourceMetric", error, asked)
    name = source["metric"]["name"]
    if metric["type"] == "External":
        missing = _NO_METRICS.format(f"{name}.external")
        error = (
            f"unable to get external metric {namespace}/{name}/nil: unable to fetch metrics from external "
            f"metrics API: {missing}"
        )
        return Unmeasured("FailedGetExternalMetric", error, f"{name} external metric")
    if metric["type"] == "Pods":
        return Unmeasured("FailedGetPodsMetric", f"unable to get metric {name}: {_NO_CUSTOM}", "pods metric")
    of = source["describedObject"]
    error = f"unable to get metric {name}: {of['kind']} on {namespace} {of['name']}/{_NO_CUSTOM}"
    return Unmeasured("FailedGetObjectMetric", error, "object metric")


def _said(kind: str, holds: bool, reason: str, message: str) -> Object:
    return {"type": kind, "status": "True" if holds else "False", "reason": reason, "message": message}
