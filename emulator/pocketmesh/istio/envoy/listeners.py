"""Where a waypoint takes connections from ztunnels: one listener with a filter chain for each front.

Where Istio chains internal listeners and HBONE tunnels, this uses a unix socket and the PROXY protocol,
whose custom fields carry the client's identity.
Upstream: istio/istio pilot/pkg/networking/core/listener_waypoint.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pocketmesh.istio.envoy import by_host
from pocketmesh.istio.envoy.access_logs import access_logs
from pocketmesh.istio.envoy.destinations import cluster_name, tcp_cluster_name
from pocketmesh.istio.envoy.fronts import Front
from pocketmesh.istio.envoy.http_filters import http_filters, tcp_filters
from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.xds import (
    IDENTITY_TLV,
    PEER_ADDRESS,
    PEER_PRINCIPAL,
    Json,
    asked_for,
    resource,
    typed,
)
from pocketmesh.istio.mesh.model import Mesh

PROXY: Final = "envoy.filters.listener.proxy_protocol"
_HTTP_PROTOCOLS: Final = ["http/1.0", "http/1.1", "h2c"]


def listener(mesh: Mesh, fronts: list[Front], layout: Layout) -> Json:
    """The listener with a chain for each front, found by the address and port that the client dialled."""
    chains = [chain for front in fronts for chain in _chains(mesh, front, layout)]
    identity = {"tlv_type": IDENTITY_TLV, "on_tlv_present": {"key": "peer"}}
    filters = [typed(PROXY, "extensions.filters.listener.proxy_protocol.v3.ProxyProtocol", rules=[identity])]
    sniffed = sorted({front.port.port for front in fronts if front.protocol == "auto"})
    if sniffed:
        inspector = typed(
            "envoy.filters.listener.http_inspector",
            "extensions.filters.listener.http_inspector.v3.HttpInspector",
        )
        filters.append({**inspector, "filter_disabled": {"not_match": _on_ports(sniffed)}})
    return resource(
        "config.listener.v3.Listener",
        name="main_internal",
        address={"pipe": {"path": str(layout.inbound), "mode": 0o600}},
        listener_filters=filters,
        listener_filters_timeout="5s",
        continue_on_listener_filters_timeout=True,
        filter_chains=chains,
    )


def _on_ports(ports: list[int]) -> Json:
    rules: list[Json] = [{"destination_port_range": {"start": port, "end": port + 1}} for port in ports]
    return rules[0] if len(rules) == 1 else {"or_match": {"rules": rules}}


def _chains(mesh: Mesh, front: Front, layout: Layout) -> Iterator[Json]:
    logs = access_logs(mesh, front.logs, layout)
    match: Json = {
        "prefix_ranges": [{"address_prefix": ip, "prefix_len": 32} for ip in front.ips],
        "destination_port": front.port.port,
    }
    if front.protocol != "tcp":
        name = cluster_name(front.port.host, front.port.port)
        protocols = {"application_protocols": _HTTP_PROTOCOLS} if front.protocol == "auto" else {}
        filters = [*by_host.filters(front.port), *http_filters(front.guard, front.plugins)]
        manager = connection_manager(name, filters, logs, layout)
        yield _chain(name, {**match, **protocols}, [manager])
    if front.protocol in {"tcp", "auto"}:
        name = tcp_cluster_name(front.port.host, front.port.port)
        proxy = typed(
            "envoy.filters.network.tcp_proxy",
            "extensions.filters.network.tcp_proxy.v3.TcpProxy",
            stat_prefix=name,
            **_tcp_destination(front, name),
            access_log=logs,
        )
        yield _chain(name, match, [*tcp_filters(front.guard), proxy])


def _tcp_destination(front: Front, own: str) -> Json:
    if not front.connections:
        return {"cluster": own}
    clusters = [
        {"name": tcp_cluster_name(backend.host, backend.port, backend.subset), "weight": backend.weight}
        for backend in front.connections[0].backends
        if backend.weight
    ]
    # A cluster that there is not: what is sent there is broken off.
    return {"weighted_clusters": {"clusters": clusters}} if clusters else {"cluster": "BlackHoleCluster"}


def _chain(name: str, match: Json, filters: list[Json]) -> Json:
    client = typed(
        "client",
        "extensions.filters.network.set_filter_state.v3.Config",
        on_new_connection=[
            remembered(PEER_PRINCIPAL, "envoy.string", f"%DYNAMIC_METADATA({PROXY}:peer)%"),
            remembered(PEER_ADDRESS, "envoy.network.ip", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
        ],
    )
    return {"name": name, "filter_chain_match": match, "filters": [client, *filters]}


def remembered(key: str, factory: str, text: str) -> Json:
    """A line of text that is kept as a filter state for the rest of a connection."""
    line = {"text_format_source": {"inline_string": text}}
    return {"object_key": key, "factory_key": factory, "format_string": line}


def connection_manager(name: str, filters: list[Json], logs: list[Json], layout: Layout, **more: Any) -> Json:
    """What reads requests, passes them through filters, and routes them by the configuration of this name."""
    none = {"value": 0}
    return typed(
        "envoy.filters.network.http_connection_manager",
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        server_name="istio-envoy",
        rds={"config_source": asked_for(), "route_config_name": name},
        http_filters=filters,
        # Without sampling nothing is traced; the block makes Envoy send x-envoy-decorator-operation.
        tracing={"client_sampling": none, "random_sampling": none, "overall_sampling": none},
        http_protocol_options={"accept_http_10": True},
        upgrade_configs=[{"upgrade_type": "websocket"}],
        stream_idle_timeout="0s",
        normalize_path=True,
        path_with_escaped_slashes_action="KEEP_UNCHANGED",
        access_log=logs,
        **more,
    )
