"""The conditions that tell what Services, ServiceEntries and WorkloadEntries are bound to.

Upstream: istio/istio pilot/pkg/serviceregistry/ambient/statusqueue, pilot/pkg/model/service.go.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final, NamedTuple

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.istio.conditions import Condition, in_protobuf_json, merged
from pocketmesh.istio.resources import (
    GATEWAY_CLASSES,
    GATEWAYS,
    NAMESPACES,
    SERVICE_ENTRIES,
    SERVICES,
    WORKLOAD_ENTRIES,
    Reader,
)
from pocketmesh.istio.waypoints import (
    Binding,
    asked_waypoint,
    bind_service,
    bind_workload,
    usable_waypoints,
)
from pocketmesh.objects import Object, condition, name_of, namespace_of
from pocketmesh.store import Event

MANAGERS: Final = {
    "istio-ambient-service": (SERVICES, SERVICE_ENTRIES),
    "istio-ambient-workloadentry": (WORKLOAD_ENTRIES,),
}
"""The field manager of the conditions of each resource."""
BOUND: Final = "istio.io/WaypointBound"
MISSING: Final = "istio.io/WaypointMissing"


class _Key(NamedTuple):
    resource: str
    namespace: str
    name: str


def binding_of(service: Object, reader: Reader) -> Binding:
    """What a Service, a ServiceEntry or a WorkloadEntry is bound to now."""
    namespace = reader.get(NAMESPACES, "", namespace_of(service)) or {}
    asked = asked_waypoint(service, namespace)
    gateway = reader.get(GATEWAYS, *asked) if asked else None
    waypoints = usable_waypoints([gateway] if gateway else [], reader.all(GATEWAY_CLASSES))
    bind = bind_workload if service["kind"] == "WorkloadEntry" else bind_service
    return bind(service, {namespace_of(service): namespace}, waypoints)


def conditions_of(service: Object, binding: Binding) -> list[Condition]:
    """What to show; nothing about a binding when the object asks for no waypoint."""
    found = []
    if binding.reason:
        found.append(Condition(BOUND, binding.waypoint is not None, binding.reason, binding.message))
    hosts = service["spec"].get("hosts") or []
    if binding.waypoint is None and any(host.startswith("*") for host in hosts):
        message = "ServiceEntry will not apply until it is bound to a valid waypoint."
        found.append(Condition(MISSING, True, "NoWaypointForWildcardService", message))
    return found


class WaypointBindings:
    """Writes the conditions on all objects of some resources, whether or not they are in the mesh."""

    def __init__(self, client: Client, clock: Clock, resources: tuple[str, ...]) -> None:
        self.name = f"istiod waypoint bindings of {resources[0].partition('.')[0]}"
        self._client = client
        self._clock = clock
        self._resources = resources

    def concerns(self, event: Event) -> Iterable[Hashable]:
        resource, namespace, name = event.key
        if resource in self._resources:
            return (_Key(resource, namespace, name),)
        if resource == NAMESPACES:
            return self._keys(name)
        if resource in {GATEWAYS, GATEWAY_CLASSES}:
            return self._keys()
        return ()

    def reconcile(self, key: _Key) -> float | None:
        found = self._client.get(*key)
        if found is None:
            return None
        existing = [before for kind in (BOUND, MISSING) if (before := condition(found, kind))]
        wanted = conditions_of(found, binding_of(found, self._client))
        kept = [entry for entry in existing if entry["type"] in {item.type for item in wanted}]
        generation = found["metadata"].get("generation", 0)
        conditions = merged(kept, wanted, generation, rfc3339(self._clock.now()))
        if key.resource != SERVICES:
            conditions = in_protobuf_json(conditions)
        if conditions != existing:
            self._client.apply(
                key.resource,
                {
                    "apiVersion": found["apiVersion"],
                    "kind": found["kind"],
                    "metadata": {"namespace": key.namespace, "name": key.name},
                    "status": {"conditions": conditions},
                },
                subresource="status",
            )
        return None

    def _keys(self, namespace: str = "") -> Iterable[_Key]:
        for resource in self._resources:
            for found in self._client.all(resource, namespace):
                yield _Key(resource, namespace_of(found), name_of(found))
