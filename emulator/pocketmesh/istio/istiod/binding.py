"""The condition `istio.io/WaypointBound` of Services and ServiceEntries.

Upstream: istio/istio pilot/pkg/serviceregistry/ambient/statusqueue.
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
    Reader,
)
from pocketmesh.istio.waypoints import Binding, asked_waypoint, bind_service, usable_waypoints
from pocketmesh.objects import Object, condition, name_of, namespace_of
from pocketmesh.store import Event

MANAGER: Final = "istio-ambient-service"
BOUND: Final = "istio.io/WaypointBound"


class _Key(NamedTuple):
    resource: str
    namespace: str
    name: str


def binding_of(service: Object, reader: Reader) -> Binding:
    """What a Service or ServiceEntry is bound to now."""
    namespace = reader.get(NAMESPACES, "", namespace_of(service)) or {}
    asked = asked_waypoint(service, namespace)
    gateway = reader.get(GATEWAYS, *asked) if asked else None
    waypoints = usable_waypoints([gateway] if gateway else [], reader.all(GATEWAY_CLASSES))
    return bind_service(service, {namespace_of(service): namespace}, waypoints)


def bound_condition(binding: Binding) -> Condition | None:
    """The condition to show; None when the object asks for no waypoint."""
    if not binding.reason:
        return None
    return Condition(BOUND, binding.waypoint is not None, binding.reason, binding.message)


class WaypointBindings:
    """Writes the condition on all Services and ServiceEntries, whether or not they are in the mesh."""

    name = "istiod waypoint bindings"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    def concerns(self, event: Event) -> Iterable[Hashable]:
        resource, namespace, name = event.key
        if resource in {SERVICES, SERVICE_ENTRIES}:
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
        before = condition(found, BOUND)
        wanted = bound_condition(binding_of(found, self._client))
        existing = [before] if before else []
        generation = found["metadata"].get("generation", 0)
        now = rfc3339(self._clock.now())
        conditions = merged(existing, [wanted], generation, now) if wanted else []
        if key.resource == SERVICE_ENTRIES:
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
        for resource in (SERVICES, SERVICE_ENTRIES):
            for found in self._client.all(resource, namespace):
                yield _Key(resource, namespace_of(found), name_of(found))
