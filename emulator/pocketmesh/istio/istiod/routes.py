"""The status of HTTPRoutes and their relatives: one entry for each parentRef that is istiod's business.

Upstream: istio/istio pilot/pkg/config/kube/gateway/conditions.go (createRouteStatus).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.istio.conditions import Condition, merged
from pocketmesh.istio.gateway_api.backends import route_problem
from pocketmesh.istio.gateway_api.classes import CONTROLLER
from pocketmesh.istio.gateway_api.parents import answers, is_mesh, sort_key, verdict
from pocketmesh.istio.resources import (
    GATEWAY_CLASSES,
    GATEWAYS,
    GRPC_ROUTES,
    HTTP_ROUTES,
    NAMESPACES,
    REFERENCE_GRANTS,
    SERVICE_ENTRIES,
    SERVICES,
    TCP_ROUTES,
    TLS_ROUTES,
    Place,
    Reader,
    place_of,
)
from pocketmesh.istio.settings import Settings
from pocketmesh.objects import Object, namespace_of
from pocketmesh.store import Event


def route_resources(settings: Settings) -> tuple[str, ...]:
    """The kinds of routes that istiod looks at."""
    return (HTTP_ROUTES, GRPC_ROUTES, TLS_ROUTES, *((TCP_ROUTES,) if settings.alpha else ()))


def route_parents(route: Object, reader: Reader, settings: Settings, now: str) -> list[Object]:
    """`status.parents` of a route: istiod's entries anew, in its order; others' stay where they are."""
    before = (route.get("status") or {}).get("parents") or []
    namespace = namespace_of(route)
    existing = {
        sort_key(entry["parentRef"], namespace): entry.get("conditions") or []
        for entry in before
        if entry["controllerName"] == CONTROLLER
    }
    own: dict[str, Object] = {}
    for reference in route["spec"].get("parentRefs") or []:
        conditions = _conditions(route, reference, reader, settings)
        if conditions:
            key = sort_key(reference, namespace)
            generation = route["metadata"].get("generation", 0)
            own[key] = {
                "controllerName": CONTROLLER,
                "parentRef": reference,
                "conditions": merged(existing.get(key, []), conditions, generation, now),
            }
    ours = [own[key] for key in sorted(own, reverse=True)]
    place = next((index for index, entry in enumerate(before) if entry["controllerName"] == CONTROLLER), None)
    if place is None:
        return [*before, *ours]
    after = [entry for entry in before[place:] if entry["controllerName"] != CONTROLLER]
    return [*before[:place], *ours, *after]


def _conditions(route: Object, reference: Object, reader: Reader, settings: Settings) -> list[Condition]:
    found = answers(route, reference, reader, settings)
    if not found:
        return []
    mesh = is_mesh(reference)
    problem = route_problem(route, mesh=mesh, reader=reader, settings=settings)
    conditions = [
        Condition("Accepted", *verdict(found)),
        Condition("ResolvedRefs", False, problem.reason, problem.message)
        if problem
        else Condition("ResolvedRefs", True, "ResolvedRefs", "All references resolved"),
    ]
    if settings.ambient:
        message = next((answer.waypoints for answer in found if answer.waypoints), "All waypoints resolved")
        conditions.append(Condition("ResolvedWaypoints", True, "ResolvedWaypoints", message))
    return conditions


class RouteStatus:
    """Keeps the status of one kind of route; a key is its namespace and name."""

    def __init__(self, resource: str, client: Client, settings: Settings, clock: Clock) -> None:
        self.name = f"istiod {resource.partition('.')[0]} status"
        self._resource = resource
        self._client = client
        self._settings = settings
        self._clock = clock

    def concerns(self, event: Event) -> Iterable[Hashable]:
        resource = event.key.resource
        if resource == self._resource:
            return (Place(event.key.namespace, event.key.name),)
        if resource in {SERVICES, SERVICE_ENTRIES, GATEWAYS, NAMESPACES, GATEWAY_CLASSES, REFERENCE_GRANTS}:
            # A route may name objects of any namespace, so all of them are looked at: there are few.
            return map(place_of, self._client.all(self._resource))
        return ()

    def reconcile(self, key: Place) -> float | None:
        route = self._client.get(self._resource, *key)
        if route is None:
            return None
        parents = route_parents(route, self._client, self._settings, rfc3339(self._clock.now()))
        if parents != ((route.get("status") or {}).get("parents") or []):
            self._client.update_status(self._resource, {**route, "status": {"parents": parents}})
        return None
