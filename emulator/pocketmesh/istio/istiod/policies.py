"""What istiod says about AuthorizationPolicies: who enforces them, and what of them nobody does.

Upstream: istio/istio pilot/pkg/serviceregistry/ambient/{authorization,policies}.go and
pilot/pkg/model/service.go (flattenConditions).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pocketmesh.istio.conditions import Condition
from pocketmesh.istio.gateway_api.classes import MESH_CONTROLLER
from pocketmesh.istio.istiod.binding import binding_of
from pocketmesh.istio.resources import GATEWAY_CLASSES, GATEWAYS, SERVICE_ENTRIES, SERVICES, Reader
from pocketmesh.istio.settings import Settings
from pocketmesh.istio.waypoints import usable_waypoints
from pocketmesh.objects import Object, annotations_of, name_of, namespace_of

ZTUNNEL: Final = "ZtunnelAccepted"
WAYPOINT: Final = "WaypointAccepted"

_L4_KEYS: Final = frozenset(
    {"source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port"}
)
_HTTP_OPERATIONS: Final = ("hosts", "methods", "paths")
_HTTP_SOURCES: Final = ("remoteIpBlocks", "requestPrincipals")


def targets_of(policy: Object) -> list[Object]:
    """The targetRefs of a policy, the deprecated single one included."""
    spec = policy.get("spec") or {}
    return spec.get("targetRefs") or ([spec["targetRef"]] if spec.get("targetRef") else [])


def policy_condition(policy: Object, reader: Reader, settings: Settings) -> Condition:
    """The one condition that a policy gets, from whoever is to enforce it."""
    targets = targets_of(policy)
    if not targets:
        return ztunnel_condition(policy)
    results = [(target, _target_condition(policy, target, reader, settings)) for target in targets]
    if len(results) == 1:
        return results[0][1]
    wrong = [_shown(policy, target) for target, result in results if not result.status]
    if not wrong:
        return Condition(WAYPOINT, True, "Accepted", "")
    message = f"Invalid targetRefs: {', '.join(wrong)}"
    partly = len(wrong) < len(results)
    return Condition(WAYPOINT, partly, "PartiallyInvalid" if partly else "Invalid", message)


def ztunnel_condition(policy: Object) -> Condition:
    """What ztunnel makes of a policy without targetRefs: it knows connections, not requests."""
    spec = policy.get("spec") or {}
    action = spec.get("action") or "ALLOW"
    if action not in {"ALLOW", "DENY"}:
        message = f"ztunnel does not support the {action} action"
        return Condition(ZTUNNEL, False, "UnsupportedValue", message)
    if annotations_of(policy).get("istio.io/dry-run") == "true":
        name = f"{namespace_of(policy)}/{name_of(policy)}"
        message = f"dry-run is not supported by ztunnel; policy {name} is ignored"
        return Condition(ZTUNNEL, False, "UnsupportedValue", message)
    found = sorted(set(http_attributes(spec)))
    if not found:
        return Condition(ZTUNNEL, True, "Accepted", "attached to ztunnel")
    effect = (
        "Within an ALLOW policy, rules matching HTTP attributes are omitted."
        if action == "ALLOW"
        else "DENY policy with HTTP attributes is enforced without the HTTP rules."
    )
    message = (
        f"ztunnel does not support HTTP attributes (found: {', '.join(found)}). In ambient mode you must use "
        f"a waypoint proxy to enforce HTTP rules. {effect} This will be more restrictive than requested."
    )
    return Condition(ZTUNNEL, True, "UnsupportedValue", message)


def http_attributes(spec: Object) -> Iterator[str]:
    """The attributes in a policy's rules that only a proxy which understands HTTP can match."""
    for rule in spec.get("rules") or []:
        for clause in rule.get("to") or []:
            yield from _present(clause.get("operation") or {}, _HTTP_OPERATIONS)
        for clause in rule.get("from") or []:
            yield from _present(clause.get("source") or {}, _HTTP_SOURCES)
        for term in rule.get("when") or []:
            if term["key"] not in _L4_KEYS:
                yield term["key"]


def _present(fields: Object, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        for spelled in (name, f"not{name[0].upper()}{name[1:]}"):
            if fields.get(spelled):
                yield spelled


@dataclass(frozen=True, slots=True)
class _Service:
    resource: str
    kind: str


_SERVICES: Final = {
    ("", "Service"): _Service(SERVICES, "Service"),
    ("core", "Service"): _Service(SERVICES, "Service"),
    ("networking.istio.io", "ServiceEntry"): _Service(SERVICE_ENTRIES, "ServiceEntry"),
}


def _target_condition(policy: Object, target: Object, reader: Reader, settings: Settings) -> Condition:
    namespace, name = namespace_of(policy), target["name"]
    place = (target.get("group") or "", target["kind"])
    if place in _SERVICES:
        return _service_condition(_SERVICES[place], namespace, name, reader)
    match place:
        case ("gateway.networking.k8s.io", "Gateway"):
            gateway = reader.get(GATEWAYS, namespace, name)
            usable = usable_waypoints([gateway] if gateway else [], reader.all(GATEWAY_CLASSES))
            if (namespace, name) in usable:
                return _bound(f"{namespace}/{name}")
            return _refused("TargetNotFound", "not bound")
        case ("gateway.networking.k8s.io", "GatewayClass"):
            return _class_condition(namespace, name, reader, settings)
    return _refused("unknown", "not bound")


def _service_condition(service: _Service, namespace: str, name: str, reader: Reader) -> Condition:
    found = reader.get(service.resource, namespace, name)
    shown = f"{service.kind} {namespace}/{name}"
    if found is None:
        return _refused("TargetNotFound", f"{shown} was not found")
    binding = binding_of(found, reader)
    if binding.waypoint is None:
        return _refused("AncestorNotBound", f"{shown} is not bound to a waypoint")
    return _bound("/".join(binding.waypoint))


def _class_condition(namespace: str, name: str, reader: Reader, settings: Settings) -> Condition:
    if namespace != settings.root_namespace:
        message = (
            f"AuthorizationPolicy must be in the root namespace `{settings.root_namespace}` "
            "when referencing a GatewayClass"
        )
        return _refused("Invalid", message)
    found = reader.get(GATEWAY_CLASSES, "", name)
    if found is None:
        return _refused("TargetNotFound", "not bound")
    controller = found["spec"]["controllerName"]
    if controller != MESH_CONTROLLER:
        message = f"GatewayClass must use controller name `{MESH_CONTROLLER}` for waypoints"
        return _refused("Invalid", message)
    return _bound(name)


def _bound(place: str) -> Condition:
    return Condition(WAYPOINT, True, "Accepted", f"bound to {place}")


def _refused(reason: str, message: str) -> Condition:
    return Condition(WAYPOINT, False, reason, message)


def _shown(policy: Object, target: Object) -> str:
    return f"{target['kind']}.{target.get('group') or 'core'}:{namespace_of(policy)}/{target['name']}"
