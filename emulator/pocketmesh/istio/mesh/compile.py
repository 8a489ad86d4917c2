"""From the cluster's objects to the mesh: the first of the data plane's three pure steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pocketmesh.istio.mesh import authorization
from pocketmesh.istio.mesh.mesh_config import MeshConfig, mesh_config
from pocketmesh.istio.mesh.model import ROOT_NAMESPACE, Mesh, Workload, workload_of
from pocketmesh.istio.mesh.policy import WaypointPolicy
from pocketmesh.istio.mesh.routes import rules_by_service
from pocketmesh.istio.resources import (
    AUTHORIZATION_POLICIES,
    CONFIG_MAPS,
    ENDPOINT_SLICES,
    GATEWAY_CLASSES,
    GATEWAYS,
    GRPC_ROUTES,
    HTTP_ROUTES,
    NAMESPACES,
    PODS,
    SERVICES,
)
from pocketmesh.istio.waypoints import Waypoint, bind_service, bind_workload, usable_waypoints
from pocketmesh.net.services import Place, service_table
from pocketmesh.objects import Object, name_of, namespace_of

PEER_AUTHENTICATIONS: Final = "peerauthentications.security.istio.io"

INPUTS: Final = (
    NAMESPACES,
    PODS,
    SERVICES,
    ENDPOINT_SLICES,
    CONFIG_MAPS,
    GATEWAYS,
    GATEWAY_CLASSES,
    HTTP_ROUTES,
    GRPC_ROUTES,
    AUTHORIZATION_POLICIES,
    PEER_AUTHENTICATIONS,
)
"""The resources whose objects make the mesh; of ConfigMaps only MESH_CONFIG."""

MESH_CONFIG: Final = (ROOT_NAMESPACE, "istio")

Objects = Mapping[str, Sequence[Object]]


def compile_mesh(objects: Objects) -> Mesh:
    """The mesh that follows from objects by resource; absent resources count as empty."""
    namespaces = {name_of(item): item for item in objects.get(NAMESPACES, ())}
    services = {_place(item): item for item in objects.get(SERVICES, ())}
    gateways = objects.get(GATEWAYS, ())
    waypoints = usable_waypoints(gateways, objects.get(GATEWAY_CLASSES, ()))
    policies = objects.get(AUTHORIZATION_POLICIES, ())
    table = service_table(services.values(), objects.get(ENDPOINT_SLICES, ()))
    return Mesh(
        workloads={work.ip: work for work in _workloads(objects.get(PODS, ()), namespaces, waypoints)},
        services=table,
        hosts={port.host: place for place, ports in table.ports.items() for port in ports},
        bindings={place: bind_service(item, namespaces, waypoints) for place, item in services.items()},
        waypoints=waypoints,
        classes={_place(item): str(item["spec"].get("gatewayClassName", "")) for item in gateways},
        routes=rules_by_service([*objects.get(HTTP_ROUTES, ()), *objects.get(GRPC_ROUTES, ())], services),
        l4_policies=tuple(authorization.l4_policies(policies, ROOT_NAMESPACE)),
        peer_authentications=tuple(
            authorization.peer_authentications(objects.get(PEER_AUTHENTICATIONS, ()), ROOT_NAMESPACE)
        ),
        targeted=_targeted(policies),
        config=_config(objects.get(CONFIG_MAPS, ())),
    )


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


def _targeted(policies: Iterable[Object]) -> dict[tuple[str, str, str], tuple[WaypointPolicy, ...]]:
    found: dict[tuple[str, str, str], tuple[WaypointPolicy, ...]] = {}
    for policy in policies:
        if authorization.is_dry_run(policy):
            continue
        for target in authorization.targets(policy):
            if target[0] == "GatewayClass" and namespace_of(policy) != ROOT_NAMESPACE:
                continue
            found[target] = (*found.get(target, ()), authorization.waypoint_policy(policy))
    return found


def _config(config_maps: Iterable[Object]) -> MeshConfig:
    for item in config_maps:
        if _place(item) == MESH_CONFIG:
            return mesh_config((item.get("data") or {}).get("mesh", ""))
    return MeshConfig()


def _place(obj: Object) -> Place:
    return namespace_of(obj), name_of(obj)
