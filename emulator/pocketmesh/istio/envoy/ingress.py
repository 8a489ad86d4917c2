"""What the Envoy of a gateway of class `istio` is told: the third pure step, for what comes from outside.

Names are Istio's. Upstream: istio/istio pilot/pkg/networking/core/gateway.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pocketmesh.istio.envoy import gateway_listeners, gateway_routes
from pocketmesh.istio.envoy.clusters import Cluster, assignment, authorizer_cluster, cluster_resource
from pocketmesh.istio.envoy.config import Configuration
from pocketmesh.istio.envoy.destinations import Destinations
from pocketmesh.istio.envoy.gateway_routes import cluster_name
from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.plugins import missing_modules
from pocketmesh.istio.envoy.routes import backends_of
from pocketmesh.istio.envoy.xds import response
from pocketmesh.istio.mesh.extensions import proxy_of
from pocketmesh.istio.mesh.gateways import Listener
from pocketmesh.istio.mesh.guards import Guard, gateway_guard
from pocketmesh.istio.mesh.model import Mesh, Protocol, protocol_of
from pocketmesh.istio.mesh.plugins import plugins_of
from pocketmesh.istio.waypoints import GATEWAY_NAME
from pocketmesh.net.services import Endpoint, Place, ServicePort


def gateway_config(mesh: Mesh, gateway: Place, layout: Layout) -> Configuration:
    """The configuration of a gateway: where it listens, who may use it, and where requests go."""
    listeners = mesh.gateways.get(gateway, ())
    guard = gateway_guard(mesh, gateway, _labels(mesh, gateway))
    destinations = Destinations(mesh, gateway[0], cluster_name)
    clusters = _clusters(destinations, listeners, guard)
    files = {cluster.file: response(assignment(cluster, layout)) for cluster in clusters}
    files["cds.json"] = response(*(cluster_resource(cluster, layout) for cluster in clusters))
    for table in gateway_routes.tables(gateway, listeners):
        files[f"rds/{table.name}.json"] = response(gateway_routes.route_configuration(table, destinations))
    served = gateway_listeners.listeners(mesh, gateway, listeners, guard, layout)
    files["lds.json"] = response(*served.values())
    endpoints = {(end.ip, end.port) for cluster in clusters for end in cluster.port.ready}
    proxy = proxy_of(mesh, "router", gateway)
    plugins = (plugin for port in served for plugin in plugins_of(mesh, proxy, port))
    return Configuration(
        files,
        frozenset(endpoints),
        {port: layout.port(port) for port in served},
        tuple(sorted(missing_modules(plugins))),
    )


def _labels(mesh: Mesh, gateway: Place) -> Mapping[str, str]:
    namespace, name = gateway
    own = (work.labels for work in mesh.workloads.values() if work.namespace == namespace)
    return next((labels for labels in own if labels.get(GATEWAY_NAME) == name), {})


def _clusters(destinations: Destinations, listeners: Iterable[Listener], guard: Guard) -> list[Cluster]:
    found = {cluster.name: cluster for listener in listeners for cluster in _behind(destinations, listener)}
    if guard.authorizer:
        cluster = authorizer_cluster(guard.authorizer)
        found[cluster.name] = cluster
    return [found[name] for name in sorted(found)]


def _behind(destinations: Destinations, listener: Listener) -> Iterator[Cluster]:
    for target in backends_of(rule for rules in listener.rules.values() for rule in rules):
        if port := destinations.port(*target):
            protocol = protocol_of(port)
            spoken: Protocol = "auto" if protocol == "tcp" else protocol
            yield Cluster(
                cluster_name(*target),
                _reached(destinations.mesh, port),
                "tcp" if listener.protocol == "TLS" else spoken,
                destinations.policy(*target),
            )


def _reached(mesh: Mesh, port: ServicePort) -> ServicePort:
    """Where a gateway connects to: the pods, or the Service's own address when its waypoint is asked for."""
    binding = mesh.bindings.get(port.service)
    if binding is None or binding.waypoint is None or not binding.ingress:
        return port
    addresses = [ip for ip, service in mesh.services.addresses.items() if service == port.service]
    ends = tuple(Endpoint(ip, port.port) for ip in addresses[:1])
    return replace(port, endpoints=ends) if ends else port
