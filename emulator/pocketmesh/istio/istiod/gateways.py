"""The status of Gateways.

Upstream: istio/istio pilot/pkg/config/kube/gateway/conversion.go (reportGatewayStatus).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from ipaddress import ip_address

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.istio.conditions import Condition, merged
from pocketmesh.istio.gateway_api.classes import UNMANAGED_CONTROLLER, ClassInfo, class_of
from pocketmesh.istio.gateway_api.listeners import listener_status
from pocketmesh.istio.gateway_api.parents import GATEWAY, attached_sections, kind_of, parent_of
from pocketmesh.istio.istiod.placement import Placement, placement
from pocketmesh.istio.istiod.routes import route_resources
from pocketmesh.istio.resources import (
    ENDPOINT_SLICES,
    GATEWAY_CLASSES,
    GATEWAYS,
    NAMESPACES,
    REFERENCE_GRANTS,
    SECRETS,
    SERVICE_ENTRIES,
    SERVICES,
    Place,
    Reader,
    place_of,
)
from pocketmesh.istio.settings import Settings
from pocketmesh.objects import Object, annotations_of
from pocketmesh.store import Event


def gateway_status(gateway: Object, info: ClassInfo, reader: Reader, settings: Settings, now: str) -> Object:
    """The whole `status` of a Gateway of one of istiod's classes."""
    before = gateway.get("status") or {}
    generation = gateway["metadata"].get("generation", 0)
    if info.controller == UNMANAGED_CONTROLLER:
        conditions = [
            Condition("Accepted", True, "Accepted", "Resource accepted"),
            Condition("Programmed", True, "Programmed", "This Gateway is remote; Istio will not program it"),
        ]
        remote = {"conditions": merged(before.get("conditions") or [], conditions, generation, now)}
        addresses = gateway["spec"].get("addresses") or []
        return {**remote, "addresses": addresses} if addresses else remote
    place = placement(gateway, info, reader, settings)
    accepted = place.refused or Condition("Accepted", True, "Accepted", "Resource accepted")
    conditions = [accepted, programmed(place)]
    status: Object = {"conditions": merged(before.get("conditions") or [], conditions, generation, now)}
    # Once an address has been given it stays, even when nothing answers there any more.
    if addresses := _addresses(gateway, info, place) or before.get("addresses"):
        status["addresses"] = addresses
    if not place.services:
        return status
    attached = _attached(gateway, reader, settings)
    status["listeners"] = [
        listener_status(gateway, listener, info, attached[listener["name"]], reader, settings, now)
        for listener in gateway["spec"].get("listeners") or []
    ]
    return status


def programmed(place: Placement) -> Condition:
    """The condition Programmed of a Gateway that is reached at `place`."""
    assigned = _joined(place.internal)
    problems = "; ".join(place.warnings)
    if not place.services:
        message = "Failed to assign to any requested addresses"
        return Condition("Programmed", False, "UnsupportedAddress", message)
    if problems:
        message = (
            f"Assigned to service(s) {assigned}, but failed to assign to all requested addresses: {problems}"
            if assigned
            else f"Failed to assign to any requested addresses: {problems}"
        )
        reason = "AddressNotAssigned" if place.usable else "AddressNotUsable"
        return Condition("Programmed", False, reason, message)
    to = f", assigned to service(s) {assigned}" if assigned else ""
    return Condition("Programmed", True, "Programmed", f"Resource programmed{to}")


class GatewayStatus:
    """Keeps the status of Gateways in step with what they are made of."""

    name = "istiod gateway status"

    def __init__(self, client: Client, settings: Settings, clock: Clock) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._routes = frozenset(route_resources(settings))

    def concerns(self, event: Event) -> Iterable[Hashable]:
        resource, namespace = event.key.resource, event.key.namespace
        if resource == GATEWAYS:
            return (Place(namespace, event.key.name),)
        if resource in {SERVICES, ENDPOINT_SLICES, SERVICE_ENTRIES}:
            return map(place_of, self._client.all(GATEWAYS, namespace))
        if resource in {NAMESPACES, GATEWAY_CLASSES, REFERENCE_GRANTS, SECRETS}:
            return map(place_of, self._client.all(GATEWAYS))
        if resource in self._routes:
            states = [event.object, *([event.previous.object] if event.previous else [])]
            return {place for route in states for place in _gateway_parents(route)}
        return ()

    def reconcile(self, key: Place) -> float | None:
        gateway = self._client.get(GATEWAYS, *key)
        info = class_of(gateway, self._client, self._settings) if gateway else None
        if gateway is not None and info is not None:
            status = gateway_status(gateway, info, self._client, self._settings, rfc3339(self._clock.now()))
            if status != gateway.get("status"):
                self._client.update_status(GATEWAYS, {**gateway, "status": status})
        return None


def _gateway_parents(route: Object) -> Iterable[Place]:
    for reference in route["spec"].get("parentRefs") or []:
        if kind_of(reference) == GATEWAY:
            yield parent_of(route, reference)


def _attached(gateway: Object, reader: Reader, settings: Settings) -> Counter[str]:
    place = place_of(gateway)
    return Counter(
        section
        for resource in route_resources(settings)
        for route in reader.all(resource)
        if place in _gateway_parents(route)
        for section in attached_sections(route, gateway, reader, settings)
    )


def _addresses(gateway: Object, info: ClassInfo, place: Placement) -> list[Object]:
    wanted = annotations_of(gateway).get("networking.istio.io/address-type") or info.address_type
    values = list(place.external)
    if not values:
        if wanted != "Hostname":
            values = list(place.cluster_ips)
        if wanted != "IPAddress":
            reached = (address.rpartition(":")[0] for address in place.internal)
            values += [host for host in dict.fromkeys(reached) if host not in place.pending]
    return [{"type": _address_type(value), "value": value} for value in values]


def _address_type(value: str) -> str:
    try:
        ip_address(value)
    except ValueError:
        return "Hostname"
    return "IPAddress"


def _joined(items: Sequence[str]) -> str:
    if len(items) > 2:
        return f"{', '.join(items[:-1])}, and {items[-1]}"
    return " and ".join(items)
