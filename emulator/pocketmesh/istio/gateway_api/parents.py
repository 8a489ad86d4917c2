"""Which of its parents accept a route, and why others do not.

Upstream: istio/istio pilot/pkg/config/kube/gateway/conversion.go (referenceAllowed,
extractParentReferenceInfo).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pocketmesh.istio.gateway_api.classes import class_of
from pocketmesh.istio.gateway_api.hostnames import overlap
from pocketmesh.istio.gateway_api.listeners import GATEWAY_GROUP, supported_kinds
from pocketmesh.istio.resources import (
    GATEWAYS,
    NAMESPACES,
    SERVICE_ENTRIES,
    SERVICES,
    Place,
    Reader,
    place_of,
)
from pocketmesh.istio.settings import Settings
from pocketmesh.istio.waypoints import AllowedRoutes, asked_waypoint
from pocketmesh.objects import Object, labels_of, namespace_of

SERVICE: Final = ("", "Service")
SERVICE_ENTRY: Final = ("networking.istio.io", "ServiceEntry")
GATEWAY: Final = (GATEWAY_GROUP, "Gateway")

_WORST_FIRST: Final = (
    "NotAllowedByListeners",
    "NoMatchingListenerHostname",
    "ParentRefConflict",
    "NoMatchingParent",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one place (a listener, or the mesh) says to a route; `reason` is empty when it accepts."""

    section: str = ""
    reason: str = ""
    message: str = ""
    waypoints: str = ""
    """For a mesh parent: why no waypoint will look at the route."""


def kind_of(reference: Object) -> tuple[str, str]:
    """Group and kind of a parentRef, with Gateway API's defaults."""
    return reference.get("group", GATEWAY_GROUP), reference.get("kind", "Gateway")


def is_mesh(reference: Object) -> bool:
    """Whether a parentRef attaches the route to traffic inside the mesh."""
    return kind_of(reference) in {SERVICE, SERVICE_ENTRY}


def parent_of(route: Object, reference: Object) -> Place:
    """What a parentRef points at."""
    return Place(reference.get("namespace") or namespace_of(route), reference["name"])


def sort_key(reference: Object, namespace: str) -> str:
    """How istiod tells parentRefs apart, and orders them, the last first."""
    group, kind = kind_of(reference)
    place = f"{reference['name']}/{reference.get('sectionName', '')}/{reference.get('port', 0)}"
    return f"{group}/{kind}/{place}.{reference.get('namespace') or namespace}"


def answers(route: Object, reference: Object, reader: Reader, settings: Settings) -> list[Answer]:
    """What each place behind a parentRef says; none when the reference is not istiod's business."""
    namespace, name = parent_of(route, reference)
    match kind_of(reference):
        case ("", "Service"):
            found = reader.get(SERVICES, namespace, name)
            return [_mesh_answer(found, f'parent service: "{name}" not found', namespace, reader)]
        case ("networking.istio.io", "ServiceEntry"):
            found = reader.get(SERVICE_ENTRIES, namespace, name)
            return [_mesh_answer(found, f'parent service entry: "{name}" not found', namespace, reader)]
        case ("gateway.networking.k8s.io", "Gateway"):
            gateway = reader.get(GATEWAYS, namespace, name)
            if gateway is None or class_of(gateway, reader, settings) is None:
                return []
            listeners = gateway["spec"].get("listeners") or []
            return [_listener_answer(gateway, item, route, reference, reader) for item in listeners]
    return []


def verdict(found: Iterable[Answer]) -> tuple[bool, str, str]:
    """Whether a parentRef is accepted, with reason and message: any acceptance wins over all refusals."""
    everything = list(found)
    accepted = [answer for answer in everything if not answer.reason]
    if accepted:
        count = len(accepted)
        bound = f", bound to {count} parents" if count > 1 else ""
        return True, "Accepted", f"Route was valid{bound}"
    worst = min(everything, key=lambda answer: _WORST_FIRST.index(answer.reason))
    return False, worst.reason, worst.message


def attached_sections(route: Object, gateway: Object, reader: Reader, settings: Settings) -> set[str]:
    """The listeners of a Gateway that admit a route."""
    place = place_of(gateway)
    return {
        answer.section
        for reference in route["spec"].get("parentRefs") or []
        if kind_of(reference) == GATEWAY and parent_of(route, reference) == place
        for answer in answers(route, reference, reader, settings)
        if not answer.reason
    }


def _mesh_answer(found: Object | None, missing: str, namespace: str, reader: Reader) -> Answer:
    if found is None:
        return Answer(reason="NoMatchingParent", message=missing, waypoints="parent not found")
    home = reader.get(NAMESPACES, "", namespace) or {}
    if asked_waypoint(found, home) or asked_waypoint(home, {}):
        return Answer()
    return Answer(
        waypoints="istio.io/use-waypoint label missing from parent and parent namespace; "
        "in ambient mode, route will not be respected"
    )


def _listener_answer(
    gateway: Object, listener: Object, route: Object, reference: Object, reader: Reader
) -> Answer:
    section = listener["name"]
    port, wanted = reference.get("port"), reference.get("sectionName")
    if port and port != listener["port"]:
        return Answer(section, "NoMatchingParent", f"port {port} not found")
    if wanted and wanted != section:
        return Answer(section, "NoMatchingParent", f'sectionName "{wanted}" not found')
    hostname = listener.get("hostname") or ""
    hostnames = route["spec"].get("hostnames") or ["*"]
    if not any(overlap(hostname or "*", item) for item in hostnames):
        message = f'no hostnames matched parent hostname "{hostname}"'
        return Answer(section, "NoMatchingListenerHostname", message)
    if not _admits(gateway, listener, namespace_of(route), reader):
        message = (
            f'hostnames matched parent hostname "{hostname}", '
            f'but namespace "{namespace_of(route)}" is not allowed by the parent'
        )
        return Answer(section, "NotAllowedByListeners", message)
    kinds, _ = supported_kinds(listener)
    if route["kind"] not in {item["kind"] for item in kinds}:
        return Answer(section, "NotAllowedByListeners", f"kind {_shown_kind(route)} is not allowed")
    return Answer(section)


def _admits(gateway: Object, listener: Object, namespace: str, reader: Reader) -> bool:
    namespaces = (listener.get("allowedRoutes") or {}).get("namespaces") or {}
    allowed = AllowedRoutes(namespaces.get("from") or "Same", namespaces.get("selector") or {})
    home = reader.get(NAMESPACES, "", namespace) or {}
    return allowed.admit(namespace_of(gateway), namespace, labels_of(home))


def _shown_kind(route: Object) -> str:
    version = "v1alpha2" if route["kind"] == "TCPRoute" else "v1"
    return f"{GATEWAY_GROUP}/{version}/{route['kind']}"
