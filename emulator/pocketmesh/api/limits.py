"""LimitRanges: what containers get that ask for nothing, and what none may ask for. Pure.

Follows the plugin LimitRanger of k8s.io/kubernetes/plugin/pkg/admission, whose texts these are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Final, TypeAlias

from pocketmesh.objects import Object, annotations_of
from pocketmesh.schema.quantity import canonical, parse

Amounts: TypeAlias = "dict[str, str]"

NOTE: Final = "kubernetes.io/limit-ranger"
_CONTAINERS: Final = (("containers", "container"), ("initContainers", "init container"))


def defaulted(pod: Object, ranges: Iterable[Object]) -> Object:
    """A new pod with the requests and limits that its namespace's LimitRanges give."""
    for limits in ranges:
        pod = _with_defaults(pod, limits)
    return pod


def problems(pod: Object, ranges: Iterable[Object]) -> list[str]:
    """Which limits a pod does not keep."""
    return [
        problem
        for limits in ranges
        for item in limits["spec"].get("limits") or ()
        for requests, most in _asked(pod, item["type"])
        for problem in _broken(item, requests, most)
    ]


def claim_problems(claim: Object, ranges: Iterable[Object]) -> list[str]:
    """Which limits a PersistentVolumeClaim does not keep."""
    requests = (claim["spec"].get("resources") or {}).get("requests") or {}
    found: list[str] = []
    for limits in ranges:
        for item in limits["spec"].get("limits") or ():
            if item["type"] == "PersistentVolumeClaim":
                found += _minimum(item, requests, {})
                # Of storage there is no limit to ask for: the request is the most.
                found += _maximum(item, requests, requests)
    return found


def aggregate(found: list[str]) -> str:
    """Several errors in one, as `utilerrors.NewAggregate` prints them."""
    unique = list(dict.fromkeys(found))
    return unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]"


def _with_defaults(pod: Object, limits: Object) -> Object:
    wanted: dict[str, Amounts] = {"requests": {}, "limits": {}}
    for item in limits["spec"].get("limits") or ():
        if item["type"] == "Container":
            wanted["requests"].update(item.get("defaultRequest") or {})
            wanted["limits"].update(item.get("default") or {})
    notes: list[str] = []
    spec = {**pod["spec"]}
    for field, title in _CONTAINERS:
        if spec.get(field):
            spec[field] = [_completed(container, wanted, title, notes) for container in spec[field]]
    if not notes:
        return pod
    annotations = {**annotations_of(pod), NOTE: f"LimitRanger plugin set: {'; '.join(notes)}"}
    return {**pod, "metadata": {**pod["metadata"], "annotations": annotations}, "spec": spec}


def _completed(container: Object, wanted: dict[str, Amounts], title: str, notes: list[str]) -> Object:
    resources = {**(container.get("resources") or {})}
    for part, word in (("requests", "request"), ("limits", "limit")):
        present = resources.get(part) or {}
        missing = {name: amount for name, amount in wanted[part].items() if name not in present}
        if missing:
            resources[part] = {**present, **missing}
            notes.append(f"{', '.join(sorted(missing))} {word} for {title} {container['name']}")
    return {**container, "resources": resources} if resources else container


def _asked(pod: Object, kind: str) -> Iterator[tuple[Amounts, Amounts]]:
    """The requests and limits that an item of a type is about."""
    spec = pod["spec"]
    containers, first = spec.get("containers") or [], spec.get("initContainers") or []
    if kind == "Container":
        for container in (*containers, *first):
            yield _amounts(container, "requests"), _amounts(container, "limits")
    elif kind == "Pod":
        yield _of_pod(containers, first, "requests"), _of_pod(containers, first, "limits")


def _amounts(container: Object, part: str) -> Amounts:
    found: Amounts = (container.get("resources") or {}).get(part) or {}
    return found


def _of_pod(containers: list[Object], first: list[Object], part: str) -> Amounts:
    """All containers together, or the init container that asks for more; only what every container names."""
    each = [_amounts(container, part) for container in containers]
    common = [name for name in (each[0] if each else {}) if all(name in amounts for amounts in each)]
    total = {name: sum((parse(amounts[name]) for amounts in each), Fraction(0)) for name in common}
    for container in first:
        for name, amount in _amounts(container, part).items():
            total[name] = max(total.get(name, Fraction(0)), parse(amount))
    return {name: canonical(_text(amount)) for name, amount in total.items()}


def _text(amount: Fraction) -> str:
    return str(amount.numerator) if amount.denominator == 1 else f"{-(-amount * 1000 // 1)}m"


def _broken(item: Object, requests: Amounts, limits: Amounts) -> Iterator[str]:
    yield from _minimum(item, requests, limits)
    yield from _maximum(item, requests, limits)
    kind = item["type"]
    for name, ratio in (item.get("maxLimitRequestRatio") or {}).items():
        head = f"{name} max limit to request ratio per {kind} is {ratio}"
        request, limit = parse(requests.get(name, 0)), parse(limits.get(name, 0))
        if not request:
            yield f"{head}, but no request is specified or request is 0"
        elif not limit:
            yield f"{head}, but no limit is specified or limit is 0"
        elif limit / request > parse(ratio):
            yield f"{head}, but provided ratio is {float(limit / request):f}"


def _minimum(item: Object, requests: Amounts, limits: Amounts) -> Iterator[str]:
    for name, least in (item.get("min") or {}).items():
        head = f"minimum {name} usage per {item['type']} is {least}"
        if name not in requests:
            yield f"{head}.  No request is specified"
        elif parse(requests[name]) < parse(least):
            yield f"{head}, but request is {requests[name]}"
        elif name in limits and parse(limits[name]) < parse(least):
            yield f"{head}, but limit is {limits[name]}"


def _maximum(item: Object, requests: Amounts, limits: Amounts) -> Iterator[str]:
    claimed = item["type"] == "PersistentVolumeClaim"
    for name, most in (item.get("max") or {}).items():
        head = f"maximum {name} usage per {item['type']} is {most}"
        if name not in limits:
            yield f"{head}.  No {'request' if claimed else 'limit'} is specified"
        elif parse(limits[name]) > parse(most):
            yield f"{head}, but {'request' if claimed else 'limit'} is {limits[name]}"
        elif name in requests and parse(requests[name]) > parse(most):
            yield f"{head}, but request is {requests[name]}"
