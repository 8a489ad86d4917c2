"""ResourceQuotas: whether a namespace has room for one more. Pure.

Follows k8s.io/apiserver/pkg/admission/plugin/resourcequota and the evaluators of
k8s.io/kubernetes/pkg/quota/v1, whose texts these are. Usage is counted from the objects that are there, so it
is never out of date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Final, TypeAlias

from pocketmesh.api import strategy
from pocketmesh.objects import Object, name_of
from pocketmesh.schema.quantity import canonical, parse

Usage: TypeAlias = "dict[str, Fraction]"

_PLAIN: Final = ("configmaps", "secrets", "replicationcontrollers", "resourcequotas")
_NODE_PORTS: Final = ("NodePort", "LoadBalancer")
_MUST_ASK: Final = frozenset(
    {"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"}
)


def problem(
    resource: str,
    new: Object,
    old: Object | None,
    quotas: Iterable[Object],
    others: Callable[[], list[Object]],
) -> str | None:
    """Why a write exceeds one of its namespace's quotas.

    `others` are the objects of the resource in the namespace, the changed one left out.
    """
    asked, before = usage(resource, new), usage(resource, old) if old is not None else {}
    for quota in quotas:
        hard = {name: parse(amount) for name, amount in (quota["spec"].get("hard") or {}).items()}
        if not hard.keys() & asked.keys() or not _concerns(quota, resource, new):
            continue
        if resource == "pods" and old is None and (missing := _silent(new, hard)):
            return f"failed quota: {name_of(quota)}: must specify {missing}"
        counted = before if old is not None and _concerns(quota, resource, old) else {}
        more = {name: asked[name] - counted.get(name, 0) for name in sorted(hard.keys() & asked.keys())}
        more = {name: amount for name, amount in more.items() if amount > 0}
        if not more:
            continue
        used = _total(usage(resource, each) for each in others() if _concerns(quota, resource, each))
        used = {name: used.get(name, Fraction(0)) + counted.get(name, 0) for name in more}
        over = [name for name in more if used[name] + more[name] > hard[name]]
        if over:
            return (
                f"exceeded quota: {name_of(quota)}, requested: {_shown(more, over)}, "
                f"used: {_shown(used, over)}, limited: {_shown(hard, over)}"
            )
    return None


def used(quota: Object, objects: Callable[[str], Iterable[Object]]) -> dict[str, str]:
    """What is used of everything that a quota limits, as quantities; what nobody can use is left out.

    `objects` are those of a resource in the quota's namespace.
    """
    hard = list(quota["spec"].get("hard") or {})
    resources = sorted({_counted(name) for name in hard})
    found = _total(
        usage(resource, obj)
        for resource in resources
        for obj in objects(resource)
        if _concerns(quota, resource, obj)
    )
    return {name: written(found.get(name, Fraction(0))) for name in hard if name in found or _is_known(name)}


def _counted(name: str) -> str:
    """The resource whose objects use up what a quota calls `name`."""
    if name.startswith("count/"):
        return name.removeprefix("count/")
    if name in _PLAIN:
        return name
    if name.startswith("services"):
        return "services"
    if name in ("persistentvolumeclaims", "requests.storage") or ".storageclass." in name:
        return "persistentvolumeclaims"
    return "pods"


def _is_known(name: str) -> bool:
    kind, _, _ = name.rpartition(".")
    return _counted(name) != "pods" or kind in ("", "requests", "limits")


def usage(resource: str, obj: Object) -> Usage:
    """What one object takes of the resources that a quota may name."""
    found: Usage = {f"count/{resource}": Fraction(1)}
    spec = obj.get("spec") or {}
    if resource in _PLAIN:
        found[resource] = Fraction(1)
    elif resource == "services":
        found["services"] = Fraction(1)
        if spec.get("type") in _NODE_PORTS:
            found["services.nodeports"] = Fraction(len(spec.get("ports") or ()))
        if spec.get("type") == "LoadBalancer":
            found["services.loadbalancers"] = Fraction(1)
    elif resource == "persistentvolumeclaims":
        found |= _claimed(spec)
    elif resource == "pods" and (obj.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
        found["pods"] = Fraction(1)
        found |= _of_pod(spec)
    return found


def _claimed(spec: Object) -> Usage:
    storage = parse(((spec.get("resources") or {}).get("requests") or {}).get("storage", 0))
    found = {"persistentvolumeclaims": Fraction(1), "requests.storage": storage}
    if spec.get("storageClassName"):
        of_class = f"{spec['storageClassName']}.storageclass.storage.k8s.io"
        found |= {f"{of_class}/{name}": amount for name, amount in found.items()}
    return found


def _of_pod(spec: Object) -> Usage:
    """All containers together, or the init container that asks for more."""
    found = _total(_of_container(container) for container in spec.get("containers") or ())
    for container in spec.get("initContainers") or ():
        for name, amount in _of_container(container).items():
            found[name] = max(found.get(name, Fraction(0)), amount)
    return found


def _of_container(container: Object) -> Usage:
    resources, found = container.get("resources") or {}, {}
    for name, amount in (resources.get("requests") or {}).items():
        found[f"requests.{name}"] = parse(amount)
        if name in ("cpu", "memory", "ephemeral-storage"):
            found[name] = parse(amount)
    for name, amount in (resources.get("limits") or {}).items():
        found[f"limits.{name}"] = parse(amount)
    return found


def _silent(pod: Object, hard: Mapping[str, Fraction]) -> str:
    """The resources that a quota counts and some containers say nothing of: `limits.cpu for: a,b; …`."""
    spec = pod["spec"]
    silent = {}
    for name in sorted(hard.keys() & _MUST_ASK):
        containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
        silent[name] = sorted(each["name"] for each in containers if name not in _of_container(each))
    return "; ".join(f"{name} for: {','.join(names)}" for name, names in silent.items() if names)


def _concerns(quota: Object, resource: str, obj: Object) -> bool:
    """Whether the scopes of a quota take an object; only pods have any."""
    spec = quota["spec"]
    terms = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    terms += (spec.get("scopeSelector") or {}).get("matchExpressions") or []
    return not terms or (resource == "pods" and all(_in_scope(term, obj) for term in terms))


def _in_scope(term: Object, pod: Object) -> bool:
    spec = pod["spec"]
    match term.get("scopeName"):
        case "Terminating":
            return "activeDeadlineSeconds" in spec
        case "NotTerminating":
            return "activeDeadlineSeconds" not in spec
        case "BestEffort":
            return strategy.qos_class(spec) == "BestEffort"
        case "NotBestEffort":
            return strategy.qos_class(spec) != "BestEffort"
        case "PriorityClass":
            return _has_class(term, spec.get("priorityClassName") or "")
    return False


def _has_class(term: Object, name: str) -> bool:
    match term.get("operator"):
        case "In":
            return name in (term.get("values") or ())
        case "NotIn":
            return name not in (term.get("values") or ())
        case "DoesNotExist":
            return not name
    return bool(name)


def _total(usages: Iterable[Usage]) -> Usage:
    found: Usage = {}
    for each in usages:
        for name, amount in each.items():
            found[name] = found.get(name, Fraction(0)) + amount
    return found


def _shown(amounts: Mapping[str, Fraction], names: list[str]) -> str:
    return ",".join(f"{name}={written(amounts[name])}" for name in names)


def written(amount: Fraction) -> str:
    """A sum as a quantity: binary for whole KiB, else decimal."""
    if amount.denominator != 1:
        return canonical(f"{-(-amount * 1000 // 1)}m")
    whole = amount.numerator
    return canonical(f"{whole // 1024}Ki" if whole and whole % 1024 == 0 else str(whole))
