"""Addresses in patches, which mean places in the emulated network, as the sockets that stand for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pocketmesh.istio.envoy.confinement import Refused
from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.listeners import PROXY
from pocketmesh.istio.envoy.xds import Json, typed
from pocketmesh.istio.mesh.model import Mesh

_KINDS: Final = frozenset({"STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS"})


def checked(apply_to: str, operation: str, value: Json) -> Json:
    """A confined value whose addresses are where they are understood: the endpoints of a cluster, and the
    place of a listener that is added. Raises Refused."""
    if apply_to == "CLUSTER" and value.get("type", "STATIC") not in _KINDS:
        raise Refused(f"clusters of type {value['type']} would reach out of the emulated cluster")
    if apply_to == "LISTENER":
        rest = {key: item for key, item in value.items() if key != "address"} if operation == "ADD" else value
        if "address" in rest or _mentions(rest):
            raise Refused("a listener's address can only be given when it is added")
    elif apply_to == "CLUSTER" and _mentions({key: value[key] for key in value.keys() - set(_LOADS)}):
        raise Refused("a cluster's addresses can only be those of its endpoints")
    return value


_LOADS: Final = ("load_assignment", "loadAssignment")


def _mentions(value: object) -> bool:
    if isinstance(value, list):
        return any(_mentions(item) for item in value)
    if isinstance(value, dict):
        return any(key in {"socket_address", "socketAddress"} or _mentions(value[key]) for key in value)
    return False


def housed(cluster: Json, mesh: Mesh, layout: Layout, endpoints: set[tuple[str, int]]) -> Json:
    """A cluster whose endpoints are sockets; what they stand for is added to `endpoints`. A name that
    nobody has is no endpoint, as when it is not found."""
    load = cluster.get("load_assignment") or cluster.get("loadAssignment") or {}
    if not _mentions(load):
        return cluster
    found = []
    for group in load.get("endpoints") or []:
        for item in group.get("lb_endpoints") or group.get("lbEndpoints") or []:
            address = (item.get("endpoint") or {}).get("address") or {}
            wanted = address.get("socket_address") or address.get("socketAddress")
            for place in _places(mesh, wanted) if wanted else ():
                endpoints.add(place)
                found.append({"endpoint": {"address": {"pipe": {"path": str(layout.endpoint(*place))}}}})
    kept = {key: item for key, item in cluster.items() if key not in {*_LOADS, *_RESOLVING}}
    assignment = {"cluster_name": cluster.get("name", ""), "endpoints": [{"lb_endpoints": found}]}
    return {**kept, "type": "STATIC", "load_assignment": assignment}


_RESOLVING: Final = frozenset(
    {
        *("dns_lookup_family", "dnsLookupFamily", "dns_refresh_rate", "dnsRefreshRate"),
        *("respect_dns_ttl", "respectDnsTtl", "typed_dns_resolver_config", "typedDnsResolverConfig"),
        *("eds_cluster_config", "edsClusterConfig"),
    }
)


def _places(mesh: Mesh, wanted: Json) -> Iterator[tuple[str, int]]:
    host, port = str(wanted.get("address", "")), int(wanted.get("port_value") or wanted.get("portValue") or 0)
    found = mesh.port(host.rstrip("."), port) or mesh.services.at(host, port)
    if found is not None:
        yield from ((end.ip, end.port) for end in found.ready)
    elif host in mesh.workloads:
        yield host, port
    elif outside := mesh.world.names.get(host.rstrip(".")):
        yield outside, port


def moved(listener: Json, layout: Layout, ports: dict[int, Path]) -> Json:
    """A listener on a port of the proxy's pod instead of one of this machine."""
    address = listener.get("address") or {}
    wanted = address.get("socket_address") or address.get("socketAddress")
    if not wanted:
        return listener
    port = int(wanted.get("port_value") or wanted.get("portValue") or 0)
    ports[port] = layout.port(port)
    proxied = typed(PROXY, "extensions.filters.listener.proxy_protocol.v3.ProxyProtocol")
    filters = listener.get("listener_filters") or listener.get("listenerFilters") or []
    kept = {key: item for key, item in listener.items() if key != "listenerFilters"}
    return {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        **kept,
        "address": {"pipe": {"path": str(layout.port(port)), "mode": 0o600}},
        "listener_filters": [proxied, *filters],
    }
