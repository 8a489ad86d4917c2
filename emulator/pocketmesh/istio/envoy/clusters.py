"""Where a waypoint sends requests: a cluster for each Service port, with the pods behind it as endpoints.

Upstream: istio/istio pilot/pkg/networking/core/waypoint.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pocketmesh.istio.envoy import by_host, ext_authz
from pocketmesh.istio.envoy.fronts import Front
from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.routes import backends_of, cluster_name
from pocketmesh.istio.envoy.xds import Json, from_file, resource
from pocketmesh.istio.mesh.guards import Authorizer
from pocketmesh.istio.mesh.model import Mesh, Protocol, protocol_of
from pocketmesh.net.services import ServicePort

_UNLIMITED: Final = 4294967295


@dataclass(frozen=True, slots=True)
class Cluster:
    """One destination: the Service's port behind it, and how requests are sent there."""

    name: str
    port: ServicePort
    protocol: Protocol


def clusters_of(mesh: Mesh, fronts: Iterable[Front]) -> list[Cluster]:
    """The clusters that these fronts send to, by name: their own ports and the backends of their rules."""
    found: list[Cluster] = []
    for front in fronts:
        host, number = front.port.host, front.port.port
        if front.protocol != "tcp":
            found.append(Cluster(cluster_name(host, number), front.port, front.protocol))
        if front.protocol in {"tcp", "auto"}:
            found.append(Cluster(cluster_name(host, number, "tcp"), front.port, "tcp"))
        for backend, backend_port in backends_of(front.rules):
            port = mesh.port(backend, backend_port)
            if port is not None:
                protocol = protocol_of(port)
                name = cluster_name(backend, backend_port)
                found.append(Cluster(name, port, "auto" if protocol == "tcp" else protocol))
        if front.guard.authorizer:
            found.append(_authorizer(front.guard.authorizer))
    by_name = {cluster.name: cluster for cluster in found}
    return [by_name[name] for name in sorted(by_name)]


def _authorizer(authorizer: Authorizer) -> Cluster:
    protocol: Protocol = "http2" if authorizer.provider.kind == "envoyExtAuthzGrpc" else "http"
    return Cluster(ext_authz.cluster_name(authorizer.port), authorizer.port, protocol)


def cluster_resource(cluster: Cluster, layout: Layout) -> Json:
    """A cluster whose endpoints come from a file of its own."""
    name = cluster.name
    threshold = dict.fromkeys(
        ("max_connections", "max_pending_requests", "max_requests", "max_retries"), _UNLIMITED
    )
    found = resource(
        "config.cluster.v3.Cluster",
        name=name,
        type="EDS",
        eds_cluster_config={"eds_config": from_file(str(layout.file(f"eds/{name}.json")))},
        connect_timeout="10s",
        lb_policy="LEAST_REQUEST",
        circuit_breakers={"thresholds": [threshold]},
        **by_host.cluster_fields(cluster.port),
    )
    if cluster.protocol != "tcp":
        options: Json = {"explicit_http_config": {"http_protocol_options": {}}}
        if cluster.protocol == "http2":
            options = {"explicit_http_config": {"http2_protocol_options": {}}}
        elif cluster.protocol == "auto":
            both: Json = {"http_protocol_options": {}, "http2_protocol_options": {}}
            options = {"use_downstream_protocol_config": both}
        kind = "extensions.upstreams.http.v3.HttpProtocolOptions"
        found["typed_extension_protocol_options"] = {f"envoy.{kind}": resource(kind, **options)}
    return found


def assignment(cluster: Cluster, layout: Layout) -> Json:
    """The ready endpoints of a cluster, each a socket that the destination's ztunnel listens on."""
    ends = [
        {
            "endpoint": {"address": {"pipe": {"path": str(layout.endpoint(end.ip, end.port))}}},
            "metadata": {
                "filter_metadata": {
                    "istio": {
                        "host": f"envoy://connect_originate/{end.ip}:{end.port}",
                        "client": "envoy://internal_client_address/",
                    },
                    **by_host.metadata(cluster.port, end),
                }
            },
        }
        for end in cluster.port.ready
    ]
    kind = "config.endpoint.v3.ClusterLoadAssignment"
    return resource(kind, cluster_name=cluster.name, endpoints=[{"lb_endpoints": ends}])
