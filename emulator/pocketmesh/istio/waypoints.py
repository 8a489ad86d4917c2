"""Which Gateways can be waypoints now, and which of them a Service or a pod uses.

istiod's statuses, ztunnel's routing and Envoy's configuration must agree on this, so all of them ask
here. Everything is a function of the objects alone; nobody's status is written here.
Upstream: istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pocketmesh.api.selectors import selects_labels
from pocketmesh.objects import Object, labels_of, name_of, namespace_of

USE_WAYPOINT: Final = "istio.io/use-waypoint"
USE_WAYPOINT_NAMESPACE: Final = "istio.io/use-waypoint-namespace"
WAYPOINT_FOR: Final = "istio.io/waypoint-for"
INGRESS_USE_WAYPOINT: Final = "istio.io/ingress-use-waypoint"
GATEWAY_NAME: Final = "gateway.networking.k8s.io/gateway-name"
GATEWAY_MANAGED: Final = "gateway.istio.io/managed"
HBONE_PORT: Final = 15008

MANAGED_WAYPOINTS: Final = frozenset({"istio.io-mesh-controller", "istio.io-eastwest-controller"})


@dataclass(frozen=True, slots=True)
class AllowedRoutes:
    """Whose objects a waypoint admits: `allowedRoutes.namespaces` of its HBONE listener."""

    source: str = "Same"
    selector: Object = field(default_factory=dict)

    def admit(self, own: str, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether objects of `namespace` (labelled `labels`) may use a waypoint that lives in `own`."""
        match self.source:
            case "All":
                return True
            case "Selector":
                return selects_labels(self.selector, {"kubernetes.io/metadata.name": namespace, **labels})
            case _:
                return namespace == own


@dataclass(frozen=True, slots=True)
class Waypoint:
    """A Gateway that has an address, whatever its class.

    `traffic_type` is `service`, `workload`, `all` or `none`; `addresses` are its `status.addresses`.
    """

    namespace: str
    name: str
    traffic_type: str
    addresses: tuple[str, ...]
    allowed: AllowedRoutes

    def serves(self, traffic_type: str) -> bool:
        return self.traffic_type in {traffic_type, "all"}


@dataclass(frozen=True, slots=True)
class Binding:
    """The waypoint that an object uses, and why.

    `reason` is empty when the object asks for none, else `WaypointAccepted` (then `waypoint` is set)
    or what prevents it; reason and message are those of the condition `istio.io/WaypointBound`. `ingress`
    says whether gateways use it as well.
    """

    waypoint: tuple[str, str] | None = None
    reason: str = ""
    message: str = ""
    ingress: bool = False


UNBOUND: Final = Binding()


def usable_waypoints(
    gateways: Iterable[Object], classes: Iterable[Object]
) -> dict[tuple[str, str], Waypoint]:
    """The Gateways that something may be bound to, by (namespace, name).

    The traffic type is the Gateway's label, else that of its GatewayClass, else `service`.
    """
    by_class = {name_of(item): labels_of(item).get(WAYPOINT_FOR, "") for item in classes}
    found: dict[tuple[str, str], Waypoint] = {}
    for gateway in gateways:
        addresses = (gateway.get("status") or {}).get("addresses") or []
        if not addresses:
            continue
        class_name = gateway["spec"].get("gatewayClassName", "")
        traffic_type = labels_of(gateway).get(WAYPOINT_FOR) or by_class.get(class_name) or "service"
        place = (namespace_of(gateway), name_of(gateway))
        values = tuple(str(address["value"]) for address in addresses)
        found[place] = Waypoint(*place, traffic_type, values, _allowed_routes(gateway))
    return found


def bind_service(
    service: Object, namespaces: Mapping[str, Object], waypoints: Mapping[tuple[str, str], Waypoint]
) -> Binding:
    """What a Service or a ServiceEntry is bound to; `namespaces` are the Namespace objects by name."""
    if labels_of(service).get(GATEWAY_MANAGED) in MANAGED_WAYPOINTS:
        return UNBOUND
    if service["spec"].get("type") == "ExternalName":
        return UNBOUND
    namespace = namespaces.get(namespace_of(service), {})
    binding = _bind(service, namespace, waypoints, "service")
    if binding.waypoint is None:
        return binding
    ingress = labels_of(service).get(INGRESS_USE_WAYPOINT) or labels_of(namespace).get(INGRESS_USE_WAYPOINT)
    message = binding.message + _ingress_note(ingress)
    return Binding(binding.waypoint, binding.reason, message, ingress == "true")


def bind_workload(
    pod: Object, namespaces: Mapping[str, Object], waypoints: Mapping[tuple[str, str], Waypoint]
) -> Binding:
    """What traffic that is addressed to a pod or a WorkloadEntry itself goes through.

    A workload that merely inherits its namespace's waypoint of another traffic type is unbound
    without any error: that is what a normal waypoint for services looks like to its pods.
    """
    if GATEWAY_NAME in labels_of(pod):
        return UNBOUND
    binding = _bind(pod, namespaces.get(namespace_of(pod), {}), waypoints, "workload")
    if binding.reason == "UnsupportedTrafficType" and USE_WAYPOINT not in labels_of(pod):
        return UNBOUND
    return binding


def asked_waypoint(obj: Object, namespace: Object) -> tuple[str, str] | None:
    """The (namespace, name) that labels ask for, of the object first and else of its Namespace."""
    for asking in (obj, namespace):
        labels = labels_of(asking)
        if name := labels.get(USE_WAYPOINT):
            if name == "none":
                return None
            return labels.get(USE_WAYPOINT_NAMESPACE) or namespace_of(obj), name
    return None


def _bind(
    obj: Object,
    namespace: Object,
    waypoints: Mapping[tuple[str, str], Waypoint],
    traffic_type: str,
) -> Binding:
    asked = asked_waypoint(obj, namespace)
    if asked is None:
        return UNBOUND
    shown = "/".join(asked)
    waypoint = waypoints.get(asked)
    if waypoint is None:
        return Binding(None, "WaypointIsNotReady", f'waypoint "{shown}" is not ready')
    if not waypoint.allowed.admit(waypoint.namespace, namespace_of(obj), labels_of(namespace)):
        return Binding(
            None,
            "AttachmentDenied",
            f'we are not permitted to attach to waypoint "{shown}" (missing allowedRoutes?)',
        )
    if not waypoint.serves(traffic_type):
        return Binding(
            None,
            "UnsupportedTrafficType",
            f'attempting to bind to traffic type "{traffic_type}" which the waypoint "{shown}" '
            "does not support",
        )
    return Binding(asked, "WaypointAccepted", f"Successfully attached to waypoint {shown}")


def _allowed_routes(gateway: Object) -> AllowedRoutes:
    for listener in gateway["spec"].get("listeners") or []:
        if listener.get("protocol") == "HBONE" and listener.get("port") == HBONE_PORT:
            namespaces = (listener.get("allowedRoutes") or {}).get("namespaces") or {}
            return AllowedRoutes(namespaces.get("from") or "Same", namespaces.get("selector") or {})
    return AllowedRoutes()


def _ingress_note(label: str | None) -> str:
    if label == "true":
        return ". Ingress traffic will traverse the waypoint"
    if label:
        return (
            ". Ingress traffic is not using the waypoint, "
            f"set the {INGRESS_USE_WAYPOINT} label to true if desired."
        )
    return ""
