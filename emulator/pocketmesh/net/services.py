"""What kube-proxy knows: which address and port of a Service leads to which pods.

Built anew from Services and EndpointSlices whenever they change; choosing among endpoints is left to
whoever connects, because ztunnel and kube-proxy choose differently from the same table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pocketmesh.node.network import NODE_ADDRESS
from pocketmesh.objects import Object, labels_of, name_of, namespace_of

SERVICE_NAME: Final = "kubernetes.io/service-name"

Place: TypeAlias = tuple[str, str]
"""Namespace and name. The name of what is not a Kubernetes Service is its host, which has a dot: no
Service's name has one."""


def host_of(service: Place) -> str:
    """The full name of a service: its own host, or the Service's in the cluster's DNS."""
    namespace, name = service
    return name.rstrip(".") if "." in name else f"{name}.{namespace}.svc.cluster.local"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address behind a Service's port; `pod` is empty when no pod is named."""

    ip: str
    port: int
    ready: bool = True
    pod: str = ""
    hostname: str = ""


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a Service with everything that is behind it.

    `by_host` says that a request's own host tells which of the endpoints is meant, by its hostname.
    """

    service: Place
    name: str
    port: int
    protocol: str
    app_protocol: str
    endpoints: tuple[Endpoint, ...]
    by_host: bool = False

    @property
    def ready(self) -> tuple[Endpoint, ...]:
        """The endpoints that take traffic."""
        return tuple(endpoint for endpoint in self.endpoints if endpoint.ready)

    @property
    def host(self) -> str:
        """The service's full name."""
        return host_of(self.service)


@dataclass(frozen=True, slots=True)
class ServiceTable:
    """All Services' ports, by Service, by virtual address and by the port of every node."""

    ports: Mapping[Place, tuple[ServicePort, ...]]
    addresses: Mapping[str, Place]
    nodes: Mapping[int, ServicePort] = field(default_factory=dict)

    def port(self, service: Place, port: int) -> ServicePort | None:
        """A TCP port of a Service."""
        ports = self.ports.get(service, ())
        return next((found for found in ports if found.port == port and found.protocol == "TCP"), None)

    def at(self, ip: str, port: int) -> ServicePort | None:
        """The Service's port that has this address, a virtual one or the node's."""
        if ip == NODE_ADDRESS:
            return self.nodes.get(port)
        service = self.addresses.get(ip)
        return None if service is None else self.port(service, port)


def service_table(services: Iterable[Object], slices: Iterable[Object]) -> ServiceTable:
    """The table of these Services and EndpointSlices (kube-proxy: pkg/proxy/endpointslicecache.go)."""
    behind: dict[Place, list[Object]] = {}
    for item in slices:
        service = labels_of(item).get(SERVICE_NAME)
        if service and item.get("addressType", "IPv4") == "IPv4":
            behind.setdefault((namespace_of(item), service), []).append(item)
    ports: dict[Place, tuple[ServicePort, ...]] = {}
    addresses: dict[str, Place] = {}
    nodes: dict[int, ServicePort] = {}
    for service_object in services:
        place = (namespace_of(service_object), name_of(service_object))
        spec = service_object["spec"]
        if spec.get("type") == "ExternalName":
            continue
        ports[place] = tuple(_port(place, port, behind.get(place, ())) for port in spec.get("ports") or [])
        for port, found in zip(spec.get("ports") or [], ports[place], strict=True):
            if port.get("nodePort") and found.protocol == "TCP":
                nodes[int(port["nodePort"])] = found
        for ip in virtual_addresses(service_object):
            addresses[ip] = place
    return ServiceTable(ports, addresses, nodes)


def virtual_addresses(service: Object) -> list[str]:
    """The IPv4 addresses at which kube-proxy answers for a Service; none when it is headless."""
    spec = service["spec"]
    cluster = spec.get("clusterIPs") or [spec.get("clusterIP", "")]
    balancer = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    found = [*cluster, *(spec.get("externalIPs") or []), *(entry.get("ip", "") for entry in balancer)]
    return [ip for ip in found if ip and ip != "None" and ":" not in ip]


def _port(service: Place, port: Object, slices: Iterable[Object]) -> ServicePort:
    name = port.get("name") or ""
    endpoints: dict[tuple[str, int], Endpoint] = {}
    for item in slices:
        for offered in item.get("ports") or []:
            if (offered.get("name") or "") != name or not offered.get("port"):
                continue
            for entry in item.get("endpoints") or []:
                for endpoint in _endpoints(entry, int(offered["port"])):
                    endpoints[endpoint.ip, endpoint.port] = endpoint
    return ServicePort(
        service=service,
        name=name,
        port=int(port["port"]),
        protocol=port.get("protocol") or "TCP",
        app_protocol=port.get("appProtocol") or "",
        endpoints=tuple(endpoints[key] for key in sorted(endpoints)),
    )


def _endpoints(entry: Object, port: int) -> Iterable[Endpoint]:
    target = entry.get("targetRef") or {}
    ready = (entry.get("conditions") or {}).get("ready")
    for ip in entry.get("addresses") or []:
        yield Endpoint(
            ip=ip,
            port=port,
            ready=ready is not False,
            pod=target.get("name", "") if target.get("kind") == "Pod" else "",
            hostname=entry.get("hostname") or "",
        )
