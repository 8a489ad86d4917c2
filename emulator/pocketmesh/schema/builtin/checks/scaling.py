"""What says how many there are: HorizontalPodAutoscalers and PodDisruptionBudgets.

Upstream: kubernetes `pkg/apis/autoscaling/validation`, `pkg/apis/policy/validation`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pocketmesh.objects import Object
from pocketmesh.schema import errors, names
from pocketmesh.schema.builtin import conversion
from pocketmesh.schema.builtin.checks.workloads import selector
from pocketmesh.schema.errors import FieldError
from pocketmesh.schema.quantity import parse

_SOURCES: Final = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
_TARGETS: Final = ("Utilization", "Value", "AverageValue")
_EVICTION_POLICIES: Final = ("AlwaysAllow", "IfHealthyBudget")
_PERCENT: Final = (
    "a valid percent string must be a numeric string followed by an ending '%' "
    "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
)


def autoscaler(obj: Object, _old: Object | None) -> list[FieldError]:
    """A HorizontalPodAutoscaler of any version."""
    spec = conversion.converted(conversion.RESOURCE, obj, "autoscaling/v2")["spec"]
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas") or 0
    found: list[FieldError] = []
    if least < 1:
        found.append(errors.invalid("spec.minReplicas", least, "must be greater than or equal to 1"))
    if most < 1:
        found.append(errors.invalid("spec.maxReplicas", most, "must be greater than 0"))
    if most < least:
        rule = "must be greater than or equal to `minReplicas`"
        found.append(errors.invalid("spec.maxReplicas", most, rule))
    found += _reference(spec.get("scaleTargetRef") or {}, "spec.scaleTargetRef")
    for index, metric in enumerate(spec.get("metrics") or ()):
        found += _metric(metric, f"spec.metrics[{index}]")
    return found


def disruption_budget(obj: Object, _old: Object | None) -> list[FieldError]:
    """A PodDisruptionBudget."""
    spec = obj.get("spec") or {}
    found: list[FieldError] = []
    if "minAvailable" in spec and "maxUnavailable" in spec:
        rule = "minAvailable and maxUnavailable cannot be both set"
        found.append(errors.invalid("spec", spec, rule))
    for part in ("minAvailable", "maxUnavailable"):
        if part in spec:
            found += _share(spec[part], f"spec.{part}")
    if spec.get("selector") is not None:
        found += selector(spec["selector"], "spec.selector")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _EVICTION_POLICIES:
        found.append(errors.unsupported("spec.unhealthyPodEvictionPolicy", policy, _EVICTION_POLICIES))
    return found


def _share(value: int | str, field: str) -> list[FieldError]:
    if isinstance(value, int):
        rule = "must be greater than or equal to 0"
        return [] if value >= 0 else [errors.invalid(field, value, rule)]
    if not re.fullmatch("[0-9]+%", value):
        return [errors.invalid(field, value, _PERCENT)]
    above = int(value[:-1]) > 100
    return [errors.invalid(field, value, "must not be greater than 100%")] if above else []


def _reference(reference: Object, field: str) -> list[FieldError]:
    found: list[FieldError] = []
    for part in ("kind", "name"):
        value = reference.get(part) or ""
        if not value:
            found.append(errors.required(f"{field}.{part}"))
        found += [errors.invalid(f"{field}.{part}", value, said) for said in names.path_segment(value)]
    return found


def _metric(metric: Object, at: str) -> Iterator[FieldError]:
    kind = metric.get("type") or ""
    if not kind:
        yield errors.required(f"{at}.type", "must specify a metric source type")
    if kind not in _SOURCES:
        yield errors.unsupported(f"{at}.type", kind, _SOURCES)
    given = [part for part in _SOURCES.values() if part in metric]
    for part in given[:1]:
        yield from _source(part, metric[part], f"{at}.{part}")
    expected = _SOURCES.get(kind, kind.lower())
    if expected not in given:
        yield errors.required(f"{at}.{expected}", "must populate information for the given metric source")
    for part in given if len(given) > 1 else ():
        if part != expected:
            yield errors.forbidden(f"{at}.{part}", "must populate the given metric source only")


def _source(part: str, source: Object, at: str) -> Iterator[FieldError]:
    if part in ("resource", "containerResource"):
        if not source.get("name"):
            yield errors.required(f"{at}.name", "must specify a resource name")
        if part == "containerResource" and not source.get("container"):
            yield errors.required(f"{at}.container", "must specify a container")
    elif not (source.get("metric") or {}).get("name"):
        yield errors.required(f"{at}.metric.name", "must specify a metric name")
    if part == "object":
        yield from _reference(source.get("describedObject") or {}, f"{at}.describedObject")
    target = source.get("target") or {}
    yield from _target(target, f"{at}.target")
    if part in ("resource", "containerResource"):
        if "averageUtilization" not in target and "averageValue" not in target:
            rule = "must set either a target raw value or a target utilization"
            yield errors.required(f"{at}.target.averageUtilization", rule)
        if "averageUtilization" in target and "averageValue" in target:
            rule = "may not set both a target raw value and a target utilization"
            yield errors.forbidden(f"{at}.target.averageValue", rule)


def _target(target: Object, at: str) -> Iterator[FieldError]:
    kind = target.get("type") or ""
    if not kind:
        yield errors.required(f"{at}.type", "must specify a metric target type")
    elif kind not in _TARGETS:
        rule = "must be either Utilization, Value, or AverageValue"
        yield errors.invalid(f"{at}.type", kind, rule)
    for part in ("value", "averageValue"):
        if part in target and parse(target[part]) <= 0:
            yield errors.invalid(f"{at}.{part}", target[part], "must be positive")
    if target.get("averageUtilization", 1) < 1:
        yield errors.invalid(
            f"{at}.averageUtilization", target["averageUtilization"], "must be greater than 0"
        )
