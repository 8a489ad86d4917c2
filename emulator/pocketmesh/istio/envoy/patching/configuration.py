"""A configuration with the patches of EnvoyFilters applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import orjson

from pocketmesh.istio.envoy.config import Configuration
from pocketmesh.istio.envoy.confinement import Refused, confined
from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.patching import addresses
from pocketmesh.istio.envoy.patching.clusters import patched_clusters
from pocketmesh.istio.envoy.patching.listeners import patched_listeners
from pocketmesh.istio.envoy.patching.patches import Patch, patches_of
from pocketmesh.istio.envoy.patching.routes import patched_routes
from pocketmesh.istio.envoy.xds import Json, response
from pocketmesh.istio.mesh.attachments import Proxy
from pocketmesh.istio.mesh.model import Mesh

_ADDRESSED: Final = frozenset({"CLUSTER", "LISTENER"})


@dataclass(frozen=True, slots=True)
class _Resources:
    """What can be patched: route tables are by the files that they are in."""

    clusters: list[Json]
    listeners: list[Json]
    tables: Mapping[str, list[Json]]
    endpoints: frozenset[tuple[str, int]]
    ports: Mapping[int, Path] = field(default_factory=dict)


def patched(configuration: Configuration, mesh: Mesh, proxy: Proxy, layout: Layout) -> Configuration:
    """The configuration of a proxy as its EnvoyFilters want it. A patch that cannot be, or that makes no
    sense of what it finds, is left out and among the problems."""
    patches = list(patches_of(mesh, proxy))
    if not patches:
        return configuration
    extensions = {str(patch.value.get("name")): patch.value for patch in patches if patch.is_extension}
    resources, problems = _read(configuration), list(configuration.problems)
    for patch in patches:
        try:
            resources = _applied(resources, patch, proxy, extensions, mesh, layout)
        except Refused as error:
            problems.append(f"EnvoyFilter {patch.shown}, patch of {patch.apply_to}: {error}")
        except (AttributeError, TypeError, ValueError):
            problems.append(f"EnvoyFilter {patch.shown}, patch of {patch.apply_to}: not of Envoy's form")
    return replace(_written(configuration, resources), problems=tuple(problems))


def _applied(
    before: _Resources,
    patch: Patch,
    proxy: Proxy,
    extensions: Mapping[str, Json],
    mesh: Mesh,
    layout: Layout,
) -> _Resources:
    value = confined(patch.value, addresses=patch.apply_to in _ADDRESSED)
    patch = replace(patch, value=addresses.checked(patch.apply_to, patch.operation, value))
    endpoints, ports = set(before.endpoints), dict(before.ports)
    clusters = patched_clusters(before.clusters, patch)
    listeners = patched_listeners(before.listeners, patch, proxy, extensions)
    return _Resources(
        [addresses.housed(cluster, mesh, layout, endpoints) for cluster in clusters],
        [addresses.moved(listener, layout, ports) for listener in listeners],
        {
            name: [patched_routes(table, patch, proxy) for table in tables]
            for name, tables in before.tables.items()
        },
        frozenset(endpoints),
        ports,
    )


def _read(configuration: Configuration) -> _Resources:
    files = configuration.files
    return _Resources(
        _resources(files["cds.json"]),
        _resources(files["lds.json"]),
        {name: _resources(text) for name, text in files.items() if name.startswith("rds/")},
        configuration.endpoints,
        configuration.ports,
    )


def _written(configuration: Configuration, resources: _Resources) -> Configuration:
    files = {
        **configuration.files,
        **{name: response(*tables) for name, tables in resources.tables.items()},
        "cds.json": response(*resources.clusters),
        "lds.json": response(*resources.listeners),
    }
    clusters = {str(item.get("name")) for item in resources.clusters if item.get("type") == "EDS"}
    tables = set(_followed(resources.listeners))
    files = {name: text for name, text in files.items() if _is_read(name, clusters, tables)}
    return replace(configuration, files=files, endpoints=resources.endpoints, ports=resources.ports)


def _is_read(name: str, clusters: set[str], tables: set[str]) -> bool:
    """Whether Envoy will still look at a file: nobody waits for what is never read."""
    kind, _, rest = name.partition("/")
    followed = {"eds": clusters, "rds": tables}.get(kind)
    return followed is None or unquote(rest.removesuffix(".json")) in followed


def _followed(value: Any) -> Iterator[str]:
    """The names of all route tables that are followed somewhere in a configuration."""
    if isinstance(value, list):
        for item in value:
            yield from _followed(item)
    elif isinstance(value, dict):
        if isinstance(name := value.get("route_config_name"), str):
            yield name
        for item in value.values():
            yield from _followed(item)


def _resources(text: str) -> list[Json]:
    found: list[Json] = orjson.loads(text)["resources"]
    return found
