"""A DestinationRule's policy as fields of a cluster, and of the routes to it.

Upstream: istio/istio pilot/pkg/networking/core/cluster_traffic_policy.go.
"""

from __future__ import annotations

from typing import Final

from pocketmesh.istio.envoy.upstream_tls import by_request
from pocketmesh.istio.envoy.xds import Json, resource, seconds
from pocketmesh.istio.mesh.destination_rules import TrafficPolicy
from pocketmesh.istio.mesh.model import Protocol
from pocketmesh.istio.mesh.routing import milliseconds
from pocketmesh.objects import Object

_UNLIMITED: Final = 4294967295
_RING: Final = 1024
_SIMPLE: Final = {"ROUND_ROBIN": "ROUND_ROBIN", "RANDOM": "RANDOM"}


def cluster_policy(policy: TrafficPolicy) -> Json:
    """The fields of any cluster that a policy fills, with Istio's defaults."""
    tcp = policy.connection_pool.get("tcp") or {}
    return {
        "connect_timeout": seconds(milliseconds(tcp.get("connectTimeout") or "10s")),
        "circuit_breakers": {"thresholds": [_thresholds(policy.connection_pool)]},
        **_balancer(policy.load_balancer),
        **_outliers(policy.outlier_detection),
    }


def http_options(policy: TrafficPolicy, protocol: Protocol) -> Json:
    """How a cluster speaks HTTP: as the client does when the protocol is `auto`."""
    pool = policy.connection_pool.get("http") or {}
    upgrade = pool.get("h2UpgradePolicy") == "UPGRADE" and protocol == "http"
    options: Json = {"explicit_http_config": {"http_protocol_options": {}}}
    if protocol == "auto" or pool.get("useClientProtocol"):
        options = {
            "use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}}
        }
    elif protocol == "http2" or upgrade:
        options = {"explicit_http_config": {"http2_protocol_options": {}}}
    common: Json = {}
    if pool.get("idleTimeout"):
        common["idle_timeout"] = seconds(milliseconds(pool["idleTimeout"]))
    if pool.get("maxRequestsPerConnection"):
        common["max_requests_per_connection"] = pool["maxRequestsPerConnection"]
    if common:
        options["common_http_protocol_options"] = common
    if automatic := by_request(policy.tls):
        options["upstream_http_protocol_options"] = automatic
    kind = "extensions.upstreams.http.v3.HttpProtocolOptions"
    return {"typed_extension_protocol_options": {f"envoy.{kind}": resource(kind, **options)}}


def hash_policies(policy: TrafficPolicy) -> list[Json]:
    """What a route has to hash of a request, so that equal ones go to the same endpoint."""
    hashed = policy.load_balancer.get("consistentHash") or {}
    if header := hashed.get("httpHeaderName"):
        return [{"header": {"header_name": header}}]
    if cookie := hashed.get("httpCookie"):
        found: Json = {"name": cookie["name"], "path": cookie.get("path") or ""}
        if cookie.get("ttl") is not None:
            found["ttl"] = seconds(milliseconds(cookie["ttl"]))
        return [{"cookie": found}]
    if hashed.get("useSourceIp"):
        return [{"connection_properties": {"source_ip": True}}]
    if parameter := hashed.get("httpQueryParameterName"):
        return [{"query_parameter": {"name": parameter}}]
    return []


def _thresholds(pool: Object) -> Json:
    tcp, http = pool.get("tcp") or {}, pool.get("http") or {}
    return {
        "max_connections": tcp.get("maxConnections") or _UNLIMITED,
        "max_pending_requests": http.get("http1MaxPendingRequests") or _UNLIMITED,
        "max_requests": http.get("http2MaxRequests") or _UNLIMITED,
        "max_retries": http.get("maxRetries") or _UNLIMITED,
    }


def _balancer(balancer: Object) -> Json:
    hashed = balancer.get("consistentHash")
    if not hashed:
        # Where there is no original address to pass through to, PASSTHROUGH chooses like the default.
        return {"lb_policy": _SIMPLE.get(balancer.get("simple") or "", "LEAST_REQUEST")}
    if hashed.get("maglev") is not None:
        size = hashed["maglev"].get("tableSize")
        table = {"maglev_lb_config": {"table_size": size}} if size else {}
        return {"lb_policy": "MAGLEV", **table}
    size = (hashed.get("ringHash") or hashed).get("minimumRingSize") or _RING
    return {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": int(size)}}


def _outliers(outliers: Object) -> Json:
    if not outliers:
        return {}
    found: Json = {"enforcing_success_rate": 0}
    for given, count, enforcing in (
        ("consecutive5xxErrors", "consecutive_5xx", "enforcing_consecutive_5xx"),
        ("consecutiveGatewayErrors", "consecutive_gateway_failure", "enforcing_consecutive_gateway_failure"),
    ):
        if outliers.get(given) is not None:
            found[count] = outliers[given]
            found[enforcing] = 100 if outliers[given] else 0
    for given, field in (("interval", "interval"), ("baseEjectionTime", "base_ejection_time")):
        if outliers.get(given):
            found[field] = seconds(milliseconds(outliers[given]))
    if outliers.get("maxEjectionPercent"):
        found["max_ejection_percent"] = outliers["maxEjectionPercent"]
    if outliers.get("splitExternalLocalOriginErrors"):
        found.update(split_external_local_origin_errors=True, enforcing_local_origin_success_rate=0)
        if failures := outliers.get("consecutiveLocalOriginFailures"):
            found.update(
                consecutive_local_origin_failure=failures, enforcing_consecutive_local_origin_failure=100
            )
    # Few pods are behind a Service, so a majority of ejected ones is no reason for panic.
    panic = {"healthy_panic_threshold": {"value": outliers.get("minHealthPercent") or 0}}
    return {"outlier_detection": found, "common_lb_config": panic}
