"""Objects of a small shop, and the mesh they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pocketmesh.istio.mesh import Mesh, World, compile_mesh

RESOURCES = {
    "Namespace": "namespaces",
    "Pod": "pods",
    "Service": "services",
    "EndpointSlice": "endpointslices.discovery.k8s.io",
    "Gateway": "gateways.gateway.networking.k8s.io",
    "HTTPRoute": "httproutes.gateway.networking.k8s.io",
    "Secret": "secrets",
    "ServiceEntry": "serviceentries.networking.istio.io",
    "WorkloadEntry": "workloadentries.networking.istio.io",
    "TLSRoute": "tlsroutes.gateway.networking.k8s.io",
    "TCPRoute": "tcproutes.gateway.networking.k8s.io",
    "VirtualService": "virtualservices.networking.istio.io",
    "DestinationRule": "destinationrules.networking.istio.io",
    "AuthorizationPolicy": "authorizationpolicies.security.istio.io",
    "PeerAuthentication": "peerauthentications.security.istio.io",
}
Object = dict[str, Any]


def named(kind: str, name: str, namespace: str = "shop", **more: Any) -> Object:
    labels = more.pop("labels", {})
    annotations = more.pop("annotations", {})
    meta = {"name": name, "namespace": namespace, "labels": labels, "annotations": annotations}
    return {"kind": kind, "metadata": meta, **more}


def pod(name: str, ip: str, namespace: str = "shop", enrolled: bool = True, **labels: str) -> Object:
    annotations = {"ambient.istio.io/redirection": "enabled"} if enrolled else {}
    spec = {"serviceAccountName": name, "containers": [{"name": "app"}]}
    status = {"phase": "Running", "podIP": ip}
    return named("Pod", name, namespace, labels=labels, annotations=annotations, spec=spec, status=status)


def service(name: str, vip: str, port: int, target: int, *ips: str, **labels: str) -> list[Object]:
    owner = {"kubernetes.io/service-name": name}
    ends = [{"addresses": [ip]} for ip in ips]
    return [
        named("Service", name, labels=labels, spec={"clusterIP": vip, "ports": [{"port": port}]}),
        named("EndpointSlice", name, labels=owner, ports=[{"port": target}], endpoints=ends),
    ]


@pytest.fixture
def shop() -> list[Object]:
    """A client and a server in the mesh, an outsider that is not, and a Service for the server."""
    return [
        named("Namespace", "shop", ""),
        pod("client", "10.244.0.2"),
        pod("server", "10.244.0.3", app="server"),
        pod("outsider", "10.244.0.4", "other", enrolled=False),
        *service("web", "10.96.0.20", 80, 8080, "10.244.0.3"),
        *service("idle", "10.96.0.21", 80, 8080),
    ]


@pytest.fixture
def entry() -> Callable[..., Object]:
    """Makes a ServiceEntry, `entry` by name, whose host has an allocated address."""

    def make(
        resolution: str = "DNS", host: str = "api.example", namespace: str = "shop", **more: Any
    ) -> Object:
        labels = more.pop("labels", {})
        ports = [{"number": 80, "name": "http", "protocol": "HTTP"}]
        spec = {"hosts": [host], "ports": ports, "resolution": resolution, **more}
        status = {"addresses": [{"value": "240.240.0.1", "host": host}, {"value": "2001:2::1", "host": host}]}
        return named("ServiceEntry", "entry", namespace, labels=labels, spec=spec, status=status)

    return make


@pytest.fixture
def compiled() -> Callable[[list[Object]], Mesh]:
    def make(objects: list[Object]) -> Mesh:
        by_resource: dict[str, list[Object]] = {}
        for obj in objects:
            by_resource.setdefault(RESOURCES[obj["kind"]], []).append(obj)
        return compile_mesh(
            by_resource, world=World({"example.com": "203.0.113.20", "a.example.com": "203.0.113.21"})
        )

    return make


@pytest.fixture
def with_waypoint() -> Callable[..., list[Object]]:
    """The objects of a waypoint with so many ready pods, and `web` bound to it."""

    def make(pods: int = 1) -> list[Object]:
        ips = [f"10.244.0.{10 + number}" for number in range(pods)]
        addresses = {"addresses": [{"type": "IPAddress", "value": "10.96.0.30"}]}
        return [
            *service("web", "10.96.0.20", 80, 8080, "10.244.0.3", **{"istio.io/use-waypoint": "waypoint"}),
            *service("waypoint", "10.96.0.30", 15008, 15008, *ips),
            *[pod(f"waypoint-{ip}", ip, enrolled=False) for ip in ips],
            named("Gateway", "waypoint", spec={"gatewayClassName": "istio-waypoint"}, status=addresses),
        ]

    return make
