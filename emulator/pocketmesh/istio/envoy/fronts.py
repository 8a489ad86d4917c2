"""What a waypoint answers for: each address and port that clients dial and whose traffic it is given.

Upstream: istio/istio pilot/pkg/networking/core/listener_waypoint.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from pocketmesh.istio.mesh.extensions import proxy_of
from pocketmesh.istio.mesh.guards import Guard, waypoint_guard
from pocketmesh.istio.mesh.model import Mesh, Protocol, protocol_of
from pocketmesh.istio.mesh.plugins import Plugin, plugins_of
from pocketmesh.istio.mesh.routing import Rule, honoured
from pocketmesh.istio.mesh.telemetry import Log, access_log_plan
from pocketmesh.net.services import Endpoint, Place, ServicePort


@dataclass(frozen=True, slots=True)
class Front:
    """One port that clients dial, at any of its addresses, and this waypoint answers."""

    ips: tuple[str, ...]
    port: ServicePort
    protocol: Protocol
    rules: tuple[Rule, ...]
    guard: Guard
    logs: tuple[Log, ...] = ()
    plugins: tuple[Plugin, ...] = ()
    connections: tuple[Rule, ...] = ()
    """The rule for connections that are no requests, if there is one."""


def fronts_of(mesh: Mesh, waypoint: Place) -> list[Front]:
    """The ports of the Services and pods that are bound to a waypoint."""
    return [*_service_fronts(mesh, waypoint), *_pod_fronts(mesh, waypoint)]


def _service_fronts(mesh: Mesh, waypoint: Place) -> Iterator[Front]:
    proxy = proxy_of(mesh, "waypoint", waypoint)
    addresses: dict[Place, tuple[str, ...]] = {}
    for ip, place in mesh.services.addresses.items():
        addresses[place] = (*addresses.get(place, ()), ip)
    for service, binding in sorted(mesh.bindings.items(), key=lambda item: item[0]):
        ips = addresses.get(service)
        if binding.waypoint != waypoint or ips is None:
            continue
        target = mesh.object_of(service)
        guard = waypoint_guard(mesh, waypoint, target)
        logs = access_log_plan(mesh, proxy, target)
        for port in mesh.services.ports.get(service, ()):
            if port.protocol != "TCP":
                continue
            rules = honoured(mesh.routes.get(service, ()), service, waypoint, port.port)
            connections = honoured(mesh.tcp_routes.get(service, ()), service, waypoint, port.port)
            plugins = plugins_of(mesh, proxy, port.port, target)
            protocol = protocol_of(port)
            yield Front(ips, port, protocol, tuple(rules), guard, logs, plugins, tuple(connections[:1]))


def _pod_fronts(mesh: Mesh, waypoint: Place) -> Iterator[Front]:
    """The ports that pods declare, and those that Services send to: no pod has to declare any."""
    guard = waypoint_guard(mesh, waypoint)
    proxy = proxy_of(mesh, "waypoint", waypoint)
    logs = access_log_plan(mesh, proxy)
    served: dict[str, set[int]] = {}
    for port in chain.from_iterable(mesh.services.ports.values()):
        for endpoint in port.endpoints:
            served.setdefault(endpoint.ip, set()).add(endpoint.port)
    for workload in sorted(mesh.workloads.values(), key=lambda workload: workload.place):
        if workload.waypoint != waypoint:
            continue
        for number in sorted({*workload.ports, *served.get(workload.ip, ())}):
            endpoint = Endpoint(workload.ip, number, pod=workload.name)
            port = ServicePort(workload.place, "", number, "TCP", "", (endpoint,))
            yield Front((workload.ip,), port, "auto", (), guard, logs, plugins_of(mesh, proxy, number))
