"""What a waypoint's Envoy is told: the third of the data plane's pure steps.

Names are Istio's, so that logs and dumps read as on a real cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pocketmesh.istio.envoy.clusters import assignment, cluster_resource, clusters_of
from pocketmesh.istio.envoy.destinations import Destinations, cluster_name
from pocketmesh.istio.envoy.fronts import fronts_of
from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.listeners import listener
from pocketmesh.istio.envoy.plugins import missing_modules
from pocketmesh.istio.envoy.routes import route_configuration
from pocketmesh.istio.envoy.xds import response
from pocketmesh.istio.mesh.model import Mesh
from pocketmesh.net.services import Place


@dataclass(frozen=True, slots=True)
class Configuration:
    """The files by name, the addresses that Envoy will want to connect to, and the ports of its own pod
    that are to lead to it, each with the unix socket on which Envoy listens for it. `problems` are what was
    wanted and could not be."""

    files: dict[str, str]
    endpoints: frozenset[tuple[str, int]]
    ports: Mapping[int, Path] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def waypoint_config(mesh: Mesh, waypoint: Place, layout: Layout) -> Configuration:
    """The configuration of a waypoint: what is bound to it, who may use it, and where requests go."""
    fronts = fronts_of(mesh, waypoint)
    destinations = Destinations(mesh, waypoint[0])
    clusters = clusters_of(destinations, fronts)
    files = {cluster.file: response(assignment(cluster, layout)) for cluster in clusters}
    files["cds.json"] = response(*(cluster_resource(cluster, layout) for cluster in clusters))
    for front in fronts:
        if front.protocol != "tcp":
            name = cluster_name(front.port.host, front.port.port)
            files[f"rds/{name}.json"] = response(
                route_configuration(name, front.port, front.rules, destinations)
            )
    files["lds.json"] = response(*([listener(mesh, fronts, layout)] if fronts else []))
    endpoints = {(end.ip, end.port) for cluster in clusters for end in cluster.port.ready}
    problems = {problem for front in fronts for problem in missing_modules(front.plugins)}
    return Configuration(files, frozenset(endpoints), problems=tuple(sorted(problems)))
