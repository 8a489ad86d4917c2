"""What a waypoint's Envoy is told: the third of the data plane's pure steps.

Names are Istio's, so that logs and dumps read as on a real cluster; where Istio chains internal
listeners and HBONE tunnels, this uses unix sockets and the PROXY protocol.
Upstream: istio/istio pilot/pkg/networking/core/{listener_waypoint,waypoint}.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pocketmesh.istio.envoy import rbac
from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.routes import backends_of, cluster_name, route_configuration
from pocketmesh.istio.envoy.xds import (
    PEER_ADDRESS,
    PEER_PRINCIPAL,
    Json,
    from_file,
    resource,
    response,
    typed,
)
from pocketmesh.istio.mesh.model import Mesh, Protocol, protocol_of
from pocketmesh.istio.mesh.policy import WaypointPolicy
from pocketmesh.istio.mesh.routing import Rule, honoured
from pocketmesh.net.services import Endpoint, Place, ServicePort

IDENTITY_TLV: Final = 0xEA
"""The PROXY protocol's type-length-value that carries the client's SPIFFE id (of the custom range)."""

_PROXY: Final = "envoy.filters.listener.proxy_protocol"
_HTTP_PROTOCOLS: Final = ["http/1.0", "http/1.1", "h2c"]
_UNLIMITED: Final = 4294967295

_ACCESS_LOG_FORMAT: Final = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% '
    "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "
    '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% '
    '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" '
    '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_METADATA(istio:host)%" %UPSTREAM_CLUSTER_RAW% '
    "%UPSTREAM_METADATA(istio:client)% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% "
    "%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The files by name, and the pods' ports that Envoy will want to connect to."""

    files: dict[str, str]
    endpoints: frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class _Front:
    """One address and port that clients dial and this waypoint answers."""

    ip: str
    port: ServicePort
    protocol: Protocol
    rules: tuple[Rule, ...]
    policies: tuple[WaypointPolicy, ...]


def envoy_config(mesh: Mesh, waypoint: Place, layout: Layout) -> Configuration:
    """The configuration of a waypoint: what is bound to it, who may use it, and where requests go."""
    fronts = [*_service_fronts(mesh, waypoint), *_pod_fronts(mesh, waypoint)]
    clusters = _clusters(mesh, fronts)
    files: dict[str, str] = {}
    for name, (port, protocol) in sorted(clusters.items()):
        files[f"eds/{name}.json"] = response(_assignment(name, port.ready, layout))
        clusters[name] = (port, protocol)
    files["cds.json"] = response(
        *(_cluster(name, protocol, layout) for name, (_, protocol) in sorted(clusters.items()))
    )
    for front in fronts:
        if front.protocol != "tcp":
            name = cluster_name(front.port.service, front.port.port)
            files[f"rds/{name}.json"] = response(route_configuration(name, front.port, front.rules))
    files["lds.json"] = response(*([_listener(mesh, fronts, layout)] if fronts else []))
    endpoints = {(end.ip, end.port) for port, _ in clusters.values() for end in port.ready}
    return Configuration(files, frozenset(endpoints))


def _service_fronts(mesh: Mesh, waypoint: Place) -> Iterator[_Front]:
    gateway = _gateway_policies(mesh, waypoint)
    addresses = {place: ip for ip, place in mesh.services.addresses.items()}
    for service, binding in sorted(mesh.bindings.items()):
        ip = addresses.get(service)
        if binding.waypoint != waypoint or ip is None:
            continue
        own = mesh.targeted.get(("Service", *service), ())
        for port in mesh.services.ports.get(service, ()):
            if port.protocol != "TCP":
                continue
            rules = honoured(mesh.routes.get(service, ()), service, waypoint, port.port)
            yield _Front(ip, port, protocol_of(port), tuple(rules), (*gateway, *own))


def _pod_fronts(mesh: Mesh, waypoint: Place) -> Iterator[_Front]:
    policies = _gateway_policies(mesh, waypoint)
    for workload in sorted(mesh.workloads.values(), key=lambda workload: workload.place):
        if workload.waypoint != waypoint:
            continue
        for number in sorted(set(workload.ports)):
            endpoint = Endpoint(workload.ip, number, pod=workload.name)
            port = ServicePort(workload.place, "", number, "TCP", "", (endpoint,))
            yield _Front(workload.ip, port, "auto", (), policies)


def _gateway_policies(mesh: Mesh, waypoint: Place) -> tuple[WaypointPolicy, ...]:
    gateway_class = mesh.classes.get(waypoint, "")
    return (
        *mesh.targeted.get(("GatewayClass", "", gateway_class), ()),
        *mesh.targeted.get(("Gateway", *waypoint), ()),
    )


def _clusters(mesh: Mesh, fronts: Iterable[_Front]) -> dict[str, tuple[ServicePort, Protocol]]:
    found: dict[str, tuple[ServicePort, Protocol]] = {}
    for front in fronts:
        service, number = front.port.service, front.port.port
        if front.protocol != "tcp":
            found[cluster_name(service, number)] = (front.port, front.protocol)
        if front.protocol in {"tcp", "auto"}:
            found[cluster_name(service, number, "tcp")] = (front.port, "tcp")
        for backend, backend_port in backends_of(front.rules, mesh.services.ports):
            port = mesh.services.port(backend, backend_port)
            if port is not None:
                protocol = protocol_of(port)
                found[cluster_name(backend, backend_port)] = (port, "auto" if protocol == "tcp" else protocol)
    return found


def _cluster(name: str, protocol: Protocol, layout: Layout) -> Json:
    threshold = dict.fromkeys(
        ("max_connections", "max_pending_requests", "max_requests", "max_retries"), _UNLIMITED
    )
    cluster = resource(
        "config.cluster.v3.Cluster",
        name=name,
        type="EDS",
        eds_cluster_config={"eds_config": from_file(str(layout.file(f"eds/{name}.json")))},
        connect_timeout="10s",
        lb_policy="LEAST_REQUEST",
        circuit_breakers={"thresholds": [threshold]},
    )
    if protocol != "tcp":
        options: Json = {"explicit_http_config": {"http_protocol_options": {}}}
        if protocol == "http2":
            options = {"explicit_http_config": {"http2_protocol_options": {}}}
        elif protocol == "auto":
            both: Json = {"http_protocol_options": {}, "http2_protocol_options": {}}
            options = {"use_downstream_protocol_config": both}
        kind = "extensions.upstreams.http.v3.HttpProtocolOptions"
        cluster["typed_extension_protocol_options"] = {f"envoy.{kind}": resource(kind, **options)}
    return cluster


def _assignment(cluster: str, endpoints: Iterable[Endpoint], layout: Layout) -> Json:
    ends = [
        {
            "endpoint": {"address": {"pipe": {"path": str(layout.endpoint(end.ip, end.port))}}},
            "metadata": {
                "filter_metadata": {
                    "istio": {
                        "host": f"envoy://connect_originate/{end.ip}:{end.port}",
                        "client": "envoy://internal_client_address/",
                    }
                }
            },
        }
        for end in endpoints
    ]
    return resource(
        "config.endpoint.v3.ClusterLoadAssignment", cluster_name=cluster, endpoints=[{"lb_endpoints": ends}]
    )


def _listener(mesh: Mesh, fronts: list[_Front], layout: Layout) -> Json:
    chains = [chain for front in fronts for chain in _chains(mesh, front, layout)]
    identity = {"tlv_type": IDENTITY_TLV, "on_tlv_present": {"key": "peer"}}
    filters = [typed(_PROXY, "extensions.filters.listener.proxy_protocol.v3.ProxyProtocol", rules=[identity])]
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


def _chains(mesh: Mesh, front: _Front, layout: Layout) -> Iterator[Json]:
    match: Json = {
        "prefix_ranges": [{"address_prefix": front.ip, "prefix_len": 32}],
        "destination_port": front.port.port,
    }
    if front.protocol != "tcp":
        protocols = {"application_protocols": _HTTP_PROTOCOLS} if front.protocol == "auto" else {}
        yield _chain(
            cluster_name(front.port.service, front.port.port),
            {**match, **protocols},
            [_connection_manager(mesh, front, layout)],
        )
    if front.protocol in {"tcp", "auto"}:
        name = cluster_name(front.port.service, front.port.port, "tcp")
        proxy = typed(
            "envoy.filters.network.tcp_proxy",
            "extensions.filters.network.tcp_proxy.v3.TcpProxy",
            stat_prefix=name,
            cluster=name,
            access_log=_access_log(mesh),
        )
        yield _chain(name, match, [*rbac.filters(front.policies, http=False), proxy])


def _chain(name: str, match: Json, filters: list[Json]) -> Json:
    client = typed(
        "client",
        "extensions.filters.network.set_filter_state.v3.Config",
        on_new_connection=[
            _remembered(PEER_PRINCIPAL, "envoy.string", f"%DYNAMIC_METADATA({_PROXY}:peer)%"),
            _remembered(PEER_ADDRESS, "envoy.network.ip", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
        ],
    )
    return {"name": name, "filter_chain_match": match, "filters": [client, *filters]}


def _remembered(key: str, factory: str, text: str) -> Json:
    line = {"text_format_source": {"inline_string": text}}
    return {"object_key": key, "factory_key": factory, "format_string": line}


def _connection_manager(mesh: Mesh, front: _Front, layout: Layout) -> Json:
    name = cluster_name(front.port.service, front.port.port)
    cors = typed("envoy.filters.http.cors", "extensions.filters.http.cors.v3.Cors")
    router = typed("envoy.filters.http.router", "extensions.filters.http.router.v3.Router")
    none = {"value": 0}
    return typed(
        "envoy.filters.network.http_connection_manager",
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        server_name="istio-envoy",
        rds={"config_source": from_file(str(layout.file(f"rds/{name}.json"))), "route_config_name": name},
        http_filters=[*rbac.filters(front.policies, http=True), cors, router],
        # Without sampling nothing is traced; the block makes Envoy send x-envoy-decorator-operation.
        tracing={"client_sampling": none, "random_sampling": none, "overall_sampling": none},
        http_protocol_options={"accept_http_10": True},
        upgrade_configs=[{"upgrade_type": "websocket"}],
        stream_idle_timeout="0s",
        normalize_path=True,
        path_with_escaped_slashes_action="KEEP_UNCHANGED",
        access_log=_access_log(mesh),
    )


def _access_log(mesh: Mesh) -> list[Json]:
    if not mesh.access_log:
        return []
    text = {"text_format_source": {"inline_string": _ACCESS_LOG_FORMAT}}
    kind = "extensions.access_loggers.file.v3.FileAccessLog"
    return [typed("envoy.access_loggers.file", kind, path="/dev/stdout", log_format=text)]
