"""From the cluster's objects to the mesh: the first of the data plane's three pure steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from pocketmesh.istio.mesh import authorization
from pocketmesh.istio.mesh.authorization import TargetRef
from pocketmesh.istio.mesh.backend_tls import AUTHORITY, as_destination_rules, authorities
from pocketmesh.istio.mesh.destination_rules import destination_rules
from pocketmesh.istio.mesh.entries import Registered, Surroundings, registered
from pocketmesh.istio.mesh.extensions import extensions
from pocketmesh.istio.mesh.gateways import listeners_of
from pocketmesh.istio.mesh.mesh_config import MeshConfig, mesh_config
from pocketmesh.istio.mesh.model import ROOT_NAMESPACE, Mesh, Workload, World, machine_of, workload_of
from pocketmesh.istio.mesh.routes import connections_by_service, rules_by_service
from pocketmesh.istio.mesh.routing import Rule
from pocketmesh.istio.mesh.virtual_services import virtual_rules
from pocketmesh.istio.resources import (
    AUTHORIZATION_POLICIES,
    BACKEND_TLS_POLICIES,
    CONFIG_MAPS,
    DESTINATION_RULES,
    ENDPOINT_SLICES,
    ENVOY_FILTERS,
    GATEWAY_CLASSES,
    GATEWAYS,
    GRPC_ROUTES,
    HTTP_ROUTES,
    NAMESPACES,
    PODS,
    REFERENCE_GRANTS,
    REQUEST_AUTHENTICATIONS,
    SECRETS,
    SERVICE_ENTRIES,
    SERVICES,
    TCP_ROUTES,
    TELEMETRIES,
    TLS_ROUTES,
    TRAFFIC_EXTENSIONS,
    VIRTUAL_SERVICES,
    WASM_PLUGINS,
    WORKLOAD_ENTRIES,
    Collection,
)
from pocketmesh.istio.settings import Settings
from pocketmesh.istio.waypoints import Binding, Waypoint, bind_service, bind_workload, usable_waypoints
from pocketmesh.net.services import Place, ServiceTable, service_table
from pocketmesh.objects import Object, name_of, namespace_of

PEER_AUTHENTICATIONS: Final = "peerauthentications.security.istio.io"

INPUTS: Final = (
    NAMESPACES,
    PODS,
    SERVICES,
    ENDPOINT_SLICES,
    SERVICE_ENTRIES,
    WORKLOAD_ENTRIES,
    CONFIG_MAPS,
    GATEWAYS,
    GATEWAY_CLASSES,
    HTTP_ROUTES,
    GRPC_ROUTES,
    TLS_ROUTES,
    TCP_ROUTES,
    VIRTUAL_SERVICES,
    DESTINATION_RULES,
    BACKEND_TLS_POLICIES,
    AUTHORIZATION_POLICIES,
    PEER_AUTHENTICATIONS,
    REQUEST_AUTHENTICATIONS,
    REFERENCE_GRANTS,
    SECRETS,
    TELEMETRIES,
    ENVOY_FILTERS,
    WASM_PLUGINS,
    TRAFFIC_EXTENSIONS,
)
"""The resources whose objects make the mesh; see `feeds` for those that do not count."""

ALPHA_INPUTS: Final = frozenset({TCP_ROUTES})
"""Those that count only where istiod is told to look at them."""

MESH_CONFIG: Final = (ROOT_NAMESPACE, "istio")

_CERTIFICATE: Final = "tls.crt"

T = TypeVar("T")
Objects = Mapping[str, Sequence[Object]]


def feeds(resource: str, obj: Object) -> bool:
    """Whether the mesh may depend on an object: of ConfigMaps only on its configuration and on those that
    hold an authority's certificate, of Secrets only on those that hold a certificate."""
    if resource == CONFIG_MAPS:
        return _place(obj) == MESH_CONFIG or AUTHORITY in (obj.get("data") or {})
    if resource == SECRETS:
        return _CERTIFICATE in (obj.get("data") or {})
    return resource in INPUTS


def compile_mesh(objects: Objects, keys: Mapping[str, str] | None = None, world: World | None = None) -> Mesh:
    """The mesh that follows from objects by resource, from the key sets that istiod fetched, by URI, and
    from what is outside; absent resources count as empty."""
    world = world or World()
    namespaces = {name_of(item): item for item in objects.get(NAMESPACES, ())}
    services = {_place(item): item for item in objects.get(SERVICES, ())}
    gateways = objects.get(GATEWAYS, ())
    waypoints = usable_waypoints(gateways, objects.get(GATEWAY_CLASSES, ()))
    kubernetes = service_table(services.values(), objects.get(ENDPOINT_SLICES, ()))
    entries = registered(
        objects.get(SERVICE_ENTRIES, ()),
        Surroundings(objects.get(PODS, ()), objects.get(WORKLOAD_ENTRIES, ()), kubernetes, world.names),
    )
    table = _joined(kubernetes, entries)
    hosts = {port.host: place for place, ports in table.ports.items() for port in ports}
    policies = [
        item for item in objects.get(AUTHORIZATION_POLICIES, ()) if not authorization.is_dry_run(item)
    ]
    tokens = objects.get(REQUEST_AUTHENTICATIONS, ())
    requests = rules_by_service(
        [*objects.get(HTTP_ROUTES, ()), *objects.get(GRPC_ROUTES, ())], services, entries.services
    )
    connections = connections_by_service(
        objects.get(TLS_ROUTES, ()), objects.get(TCP_ROUTES, ()), services, entries.services
    )
    virtual_requests, virtual_connections = virtual_rules(objects.get(VIRTUAL_SERVICES, ()), hosts, table)
    return Mesh(
        workloads={
            **{work.ip: work for work in _machines(objects.get(WORKLOAD_ENTRIES, ()), namespaces, waypoints)},
            **{work.ip: work for work in _workloads(objects.get(PODS, ()), namespaces, waypoints)},
        },
        services=table,
        entries=entries.entries,
        hosts=hosts,
        bindings={
            **{place: bind_service(item, namespaces, waypoints) for place, item in services.items()},
            **_entry_bindings(objects.get(SERVICE_ENTRIES, ()), entries, namespaces, waypoints),
        },
        waypoints=waypoints,
        classes={_place(item): str(item["spec"].get("gatewayClassName", "")) for item in gateways},
        routes=_together(requests, virtual_requests),
        tcp_routes=_together(connections, virtual_connections),
        destination_rules=destination_rules(
            [
                *objects.get(DESTINATION_RULES, ()),
                *as_destination_rules(objects.get(BACKEND_TLS_POLICIES, ()), table, entries.services),
            ]
        ),
        l4_policies=tuple(authorization.l4_policies(policies, ROOT_NAMESPACE)),
        peer_authentications=tuple(
            authorization.peer_authentications(objects.get(PEER_AUTHENTICATIONS, ()), ROOT_NAMESPACE)
        ),
        targeted=_targeted(policies, authorization.waypoint_policy),
        authentications=_targeted(tokens, authorization.request_authentication),
        untargeted=tuple(
            authorization.waypoint_policy(policy)
            for policy in policies
            if not authorization.is_targeted(policy)
        ),
        selecting=tuple(
            authorization.request_authentication(item)
            for item in tokens
            if not authorization.is_targeted(item)
        ),
        keys=keys or {},
        telemetries=extensions(objects.get(TELEMETRIES, ())),
        envoy_filters=extensions(objects.get(ENVOY_FILTERS, ())),
        wasm_plugins=extensions(objects.get(WASM_PLUGINS, ())),
        traffic_extensions=extensions(objects.get(TRAFFIC_EXTENSIONS, ())),
        gateways=listeners_of(Collection(objects), hosts.keys(), Settings()),
        config=_config(objects.get(CONFIG_MAPS, ())),
        authorities={
            **authorities(objects.get(BACKEND_TLS_POLICIES, ()), objects.get(CONFIG_MAPS, ())),
            "": world.authority,
        },
        world=world,
    )


def _joined(kubernetes: ServiceTable, entries: Registered) -> ServiceTable:
    """Both tables as one; where both claim an address, it is the Service's."""
    return ServiceTable(
        {**entries.ports, **kubernetes.ports}, {**entries.addresses, **kubernetes.addresses}, kubernetes.nodes
    )


def _entry_bindings(
    items: Iterable[Object],
    entries: Registered,
    namespaces: Mapping[str, Object],
    waypoints: Mapping[Place, Waypoint],
) -> dict[Place, Binding]:
    by_place = {_place(item): bind_service(item, namespaces, waypoints) for item in items}
    return {place: by_place[place[0], entry.name] for place, entry in entries.entries.items()}


def _together(*sources: Mapping[Place, tuple[Rule, ...]]) -> dict[Place, tuple[Rule, ...]]:
    """The rules of every service, those of earlier sources first."""
    found: dict[Place, tuple[Rule, ...]] = {}
    for source in sources:
        for service, rules in source.items():
            found[service] = (*found.get(service, ()), *rules)
    return found


def _workloads(
    pods: Iterable[Object], namespaces: Mapping[str, Object], waypoints: Mapping[Place, Waypoint]
) -> Iterable[Workload]:
    for pod in pods:
        status = pod.get("status") or {}
        ended = status.get("phase") in {"Succeeded", "Failed"}
        if not status.get("podIP") or pod["spec"].get("hostNetwork") or ended:
            continue
        waypoint = bind_workload(pod, namespaces, waypoints).waypoint
        yield workload_of(pod, status["podIP"], waypoint)


def _machines(
    items: Iterable[Object], namespaces: Mapping[str, Object], waypoints: Mapping[Place, Waypoint]
) -> Iterable[Workload]:
    for item in items:
        if address := item["spec"].get("address"):
            waypoint = bind_workload(item, namespaces, waypoints).waypoint
            yield machine_of(item, str(address), waypoint)


def _targeted(objects: Iterable[Object], read: Callable[[Object], T]) -> dict[TargetRef, tuple[T, ...]]:
    """What is attached by targetRefs, by its targets, the oldest first."""
    found: dict[TargetRef, tuple[T, ...]] = {}
    for item in sorted(objects, key=_age):
        for target in authorization.targets(item):
            if target[0] == "GatewayClass" and namespace_of(item) != ROOT_NAMESPACE:
                continue
            found[target] = (*found.get(target, ()), read(item))
    return found


def _age(item: Object) -> tuple[str, str, str]:
    return str(item["metadata"].get("creationTimestamp", "")), name_of(item), namespace_of(item)


def _config(config_maps: Iterable[Object]) -> MeshConfig:
    for item in config_maps:
        if _place(item) == MESH_CONFIG:
            return mesh_config((item.get("data") or {}).get("mesh", ""))
    return MeshConfig()


def _place(obj: Object) -> Place:
    return namespace_of(obj), name_of(obj)
