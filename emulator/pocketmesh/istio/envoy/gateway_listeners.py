"""Where a gateway takes connections: a listener for each port, with a filter chain for each TLS hostname.

Connections come over a unix socket with the PROXY protocol ahead, so that Envoy knows who the client is
and which port was dialled.
Upstream: istio/istio pilot/pkg/networking/core/gateway.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pocketmesh.istio.envoy.access_logs import access_logs
from pocketmesh.istio.envoy.gateway_routes import cluster_name, table_name
from pocketmesh.istio.envoy.http_filters import http_filters, tcp_filters
from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.listeners import PROXY, connection_manager, remembered
from pocketmesh.istio.envoy.xds import PEER_ADDRESS, Json, resource, typed
from pocketmesh.istio.mesh.extensions import proxy_of
from pocketmesh.istio.mesh.gateways import Listener
from pocketmesh.istio.mesh.guards import Guard
from pocketmesh.istio.mesh.model import Mesh
from pocketmesh.istio.mesh.plugins import plugins_of
from pocketmesh.istio.mesh.routing import Rule
from pocketmesh.istio.mesh.telemetry import access_log_plan
from pocketmesh.net.services import Place

_ENCRYPTED: Final = frozenset({"HTTPS", "TLS"})


@dataclass(frozen=True, slots=True)
class _Common:
    """What all filter chains of a port have in common."""

    http_filters: list[Json]
    tcp_filters: list[Json]
    logs: list[Json]
    layout: Layout


def listeners(
    mesh: Mesh, gateway: Place, wanted: Iterable[Listener], guard: Guard, layout: Layout
) -> dict[int, Json]:
    """The listeners by port. Plain and encrypted ones cannot share a port: the first decides."""
    by_port: dict[int, list[Listener]] = {}
    for listener in wanted:
        others = by_port.setdefault(listener.port, [])
        if not others or (others[0].protocol in _ENCRYPTED) == (listener.protocol in _ENCRYPTED):
            others.append(listener)
    proxy = proxy_of(mesh, "router", gateway)
    logs = access_logs(mesh, access_log_plan(mesh, proxy), layout)
    found: dict[int, Json] = {}
    for port, sharing in by_port.items():
        common = _Common(http_filters(guard, plugins_of(mesh, proxy, port)), tcp_filters(guard), logs, layout)
        chains = list(_chains(gateway, sharing, common))
        if chains:
            found[port] = _listener(port, chains, layout, tls=sharing[0].protocol in _ENCRYPTED)
    return found


def _listener(port: int, chains: list[Json], layout: Layout, *, tls: bool) -> Json:
    filters = [typed(PROXY, "extensions.filters.listener.proxy_protocol.v3.ProxyProtocol")]
    if tls:
        inspector = "extensions.filters.listener.tls_inspector.v3.TlsInspector"
        filters.append(typed("envoy.filters.listener.tls_inspector", inspector))
    return resource(
        "config.listener.v3.Listener",
        name=f"0.0.0.0_{port}",
        address={"pipe": {"path": str(layout.port(port)), "mode": 0o600}},
        listener_filters=filters,
        listener_filters_timeout="15s",
        continue_on_listener_filters_timeout=True,
        filter_chains=chains,
    )


def _chains(gateway: Place, sharing: list[Listener], common: _Common) -> Iterator[Json]:
    if sharing[0].protocol == "HTTP":
        yield _chain([_http(gateway, sharing[0], common)])
        return
    taken: set[str] = set()
    for listener in sharing:
        if listener.protocol == "HTTPS" and listener.hostname not in taken:
            taken.add(listener.hostname)
            http = _http(gateway, listener, common)
            yield _chain([http], listener.hostname, transport_socket=_terminating(listener))
        elif listener.protocol == "TLS":
            for hostname, rules in sorted(listener.rules.items()):
                if rules and hostname not in taken:
                    taken.add(hostname)
                    yield _chain([*common.tcp_filters, _passing(rules[0], common.logs)], hostname)


def _chain(filters: list[Json], hostname: str = "*", **more: Json) -> Json:
    client = typed(
        "client",
        "extensions.filters.network.set_filter_state.v3.Config",
        on_new_connection=[
            remembered(PEER_ADDRESS, "envoy.network.ip", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%")
        ],
    )
    match = {} if hostname == "*" else {"filter_chain_match": {"server_names": [hostname]}}
    return {**match, "filters": [client, *filters], **more}


def _http(gateway: Place, listener: Listener, common: _Common) -> Json:
    return connection_manager(
        table_name(gateway, listener),
        common.http_filters,
        common.logs,
        common.layout,
        # The client is a stranger: what it says of those before it is not believed.
        use_remote_address=True,
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"subject": True, "cert": True, "dns": True, "uri": True},
    )


def _terminating(listener: Listener) -> Json:
    certificates = [
        {"certificate_chain": {"inline_string": item.chain}, "private_key": {"inline_string": item.key}}
        for item in listener.certificates
    ]
    return typed(
        "envoy.transport_sockets.tls",
        "extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context={
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "tls_certificates": certificates,
        },
        require_client_certificate=False,
    )


def _passing(rule: Rule, logs: list[Json]) -> Json:
    clusters = [
        {"name": cluster_name(backend.host, backend.port), "weight": backend.weight}
        for backend in rule.backends
        if backend.weight and not backend.problem
    ]
    return typed(
        "envoy.filters.network.tcp_proxy",
        "extensions.filters.network.tcp_proxy.v3.TcpProxy",
        stat_prefix=rule.name,
        **({"weighted_clusters": {"clusters": clusters}} if clusters else {"cluster": "BlackHoleCluster"}),
        access_log=logs,
    )
