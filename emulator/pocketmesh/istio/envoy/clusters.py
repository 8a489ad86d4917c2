"""Where a waypoint sends requests: a cluster for each Service port, with the pods behind it as endpoints.

Upstream: istio/istio pilot/pkg/networking/core/waypoint.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from pocketmesh.istio.envoy import by_host, ext_authz
from pocketmesh.istio.envoy.destinations import Destinations, cluster_name, tcp_cluster_name
from pocketmesh.istio.envoy.fronts import Front
from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.routes import backends_of
from pocketmesh.istio.envoy.traffic_policies import cluster_policy, http_options
from pocketmesh.istio.envoy.upstream_tls import transport
from pocketmesh.istio.envoy.xds import Json, asked_for, resource
from pocketmesh.istio.mesh.destination_rules import TrafficPolicy
from pocketmesh.istio.mesh.guards import Authorizer
from pocketmesh.istio.mesh.model import Protocol, protocol_of
from pocketmesh.net.services import ServicePort


@dataclass(frozen=True, slots=True)
class Cluster:
    """One destination: the Service's port behind it, and how requests are sent there."""

    name: str
    port: ServicePort
    protocol: Protocol
    policy: TrafficPolicy = field(default_factory=TrafficPolicy)

    @property
    def file(self) -> str:
        """The file with its endpoints; a slash in the name must not lead to another directory."""
        return f"eds/{quote(self.name, safe='|*')}.json"


def clusters_of(destinations: Destinations, fronts: Iterable[Front]) -> list[Cluster]:
    """The clusters that these fronts send to, by name: their own ports and the backends of their rules."""
    found = {cluster.name: cluster for front in fronts for cluster in _clusters(destinations, front)}
    return [found[name] for name in sorted(found)]


def _clusters(destinations: Destinations, front: Front) -> Iterator[Cluster]:
    host, number = front.port.host, front.port.port
    own = destinations.policy(host, number)
    if front.protocol != "tcp":
        yield Cluster(cluster_name(host, number), front.port, front.protocol, own)
    if front.protocol in {"tcp", "auto"}:
        yield Cluster(tcp_cluster_name(host, number), front.port, "tcp", own)
    for target in backends_of(front.rules):
        if port := destinations.port(*target):
            protocol = protocol_of(port)
            spoken: Protocol = "auto" if protocol == "tcp" else protocol
            yield Cluster(cluster_name(*target), port, spoken, destinations.policy(*target))
    for target in backends_of(front.connections):
        if port := destinations.port(*target):
            yield Cluster(tcp_cluster_name(*target), port, "tcp", destinations.policy(*target))
    if front.guard.authorizer:
        yield authorizer_cluster(front.guard.authorizer)


def authorizer_cluster(authorizer: Authorizer) -> Cluster:
    """Where those are who are asked about requests."""
    protocol: Protocol = "http2" if authorizer.provider.kind == "envoyExtAuthzGrpc" else "http"
    return Cluster(ext_authz.cluster_name(authorizer.port), authorizer.port, protocol)


def cluster_resource(cluster: Cluster, layout: Layout) -> Json:
    """A cluster whose endpoints come from a file of its own."""
    return resource(
        "config.cluster.v3.Cluster",
        name=cluster.name,
        type="EDS",
        eds_cluster_config={"eds_config": asked_for()},
        **cluster_policy(cluster.policy),
        **transport(cluster.policy, cluster.protocol),
        **({} if cluster.protocol == "tcp" else http_options(cluster.policy, cluster.protocol)),
        **by_host.cluster_fields(cluster.port),
    )


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
