from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.istio.envoy.traffic_policies import cluster_policy, hash_policies, http_options
from pocketmesh.istio.mesh.destination_rules import TrafficPolicy
from pocketmesh.istio.mesh.model import Protocol

Object = dict[str, Any]


def test_without_a_policy_nothing_is_limited() -> None:
    found = cluster_policy(TrafficPolicy())

    assert found["lb_policy"] == "LEAST_REQUEST"
    assert found["connect_timeout"] == "10s"
    assert set(found["circuit_breakers"]["thresholds"][0].values()) == {4294967295}
    assert "outlier_detection" not in found


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        pytest.param({"tcp": {"maxConnections": 2}}, {"max_connections": 2}, id="connections"),
        pytest.param({"http": {"http1MaxPendingRequests": 3}}, {"max_pending_requests": 3}, id="pending"),
        pytest.param({"http": {"http2MaxRequests": 4}}, {"max_requests": 4}, id="requests"),
        pytest.param({"http": {"maxRetries": 5}}, {"max_retries": 5}, id="retries"),
    ],
)
def test_a_pool_limits(pool: Object, expected: Object) -> None:
    [threshold] = cluster_policy(TrafficPolicy(connection_pool=pool))["circuit_breakers"]["thresholds"]

    assert {key: value for key, value in threshold.items() if value != 4294967295} == expected


@pytest.mark.parametrize(
    ("balancer", "expected"),
    [
        pytest.param({"simple": "ROUND_ROBIN"}, {"lb_policy": "ROUND_ROBIN"}, id="round robin"),
        pytest.param({"simple": "RANDOM"}, {"lb_policy": "RANDOM"}, id="random"),
        pytest.param({"simple": "LEAST_CONN"}, {"lb_policy": "LEAST_REQUEST"}, id="the older name"),
        pytest.param(
            {"consistentHash": {"useSourceIp": True}},
            {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": 1024}},
            id="ring",
        ),
        pytest.param(
            {"consistentHash": {"ringHash": {"minimumRingSize": 7}}},
            {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": 7}},
            id="a smaller ring",
        ),
        pytest.param(
            {"consistentHash": {"maglev": {"tableSize": 11}}},
            {"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": 11}},
            id="maglev",
        ),
    ],
)
def test_a_balancer_is_chosen(balancer: Object, expected: Object) -> None:
    found = cluster_policy(TrafficPolicy(load_balancer=balancer))

    assert {key: value for key, value in found.items() if "lb_" in key} == expected


@pytest.mark.parametrize(
    ("hashed", "expected"),
    [
        pytest.param({"httpHeaderName": "x"}, {"header": {"header_name": "x"}}, id="header"),
        pytest.param(
            {"httpCookie": {"name": "c", "ttl": "0s", "path": "/p"}},
            {"cookie": {"name": "c", "path": "/p", "ttl": "0s"}},
            id="cookie that is made",
        ),
        pytest.param({"httpCookie": {"name": "c"}}, {"cookie": {"name": "c", "path": ""}}, id="cookie"),
        pytest.param({"useSourceIp": True}, {"connection_properties": {"source_ip": True}}, id="address"),
        pytest.param({"httpQueryParameterName": "q"}, {"query_parameter": {"name": "q"}}, id="query"),
    ],
)
def test_a_route_hashes_what_the_balancer_needs(hashed: Object, expected: Object) -> None:
    assert hash_policies(TrafficPolicy(load_balancer={"consistentHash": hashed})) == [expected]


@pytest.mark.parametrize(
    ("outliers", "expected"),
    [
        pytest.param({"interval": "5s"}, {"interval": "5s"}, id="Envoy's own limits"),
        pytest.param(
            {"consecutive5xxErrors": 7, "baseEjectionTime": "3m", "maxEjectionPercent": 50},
            {
                "consecutive_5xx": 7,
                "enforcing_consecutive_5xx": 100,
                "base_ejection_time": "180s",
                "max_ejection_percent": 50,
            },
            id="5xx",
        ),
        pytest.param(
            {"consecutive5xxErrors": 0, "consecutiveGatewayErrors": 2},
            {
                "consecutive_5xx": 0,
                "enforcing_consecutive_5xx": 0,
                "consecutive_gateway_failure": 2,
                "enforcing_consecutive_gateway_failure": 100,
            },
            id="gateway errors only",
        ),
        pytest.param(
            {"splitExternalLocalOriginErrors": True, "consecutiveLocalOriginFailures": 4},
            {
                "split_external_local_origin_errors": True,
                "enforcing_local_origin_success_rate": 0,
                "consecutive_local_origin_failure": 4,
                "enforcing_consecutive_local_origin_failure": 100,
            },
            id="errors of our own apart",
        ),
    ],
)
def test_outliers_are_told_apart(outliers: Object, expected: Object) -> None:
    found = cluster_policy(TrafficPolicy(outlier_detection=outliers))

    assert found["outlier_detection"] == {"enforcing_success_rate": 0, **expected}
    assert found["common_lb_config"] == {"healthy_panic_threshold": {"value": 0}}


@pytest.mark.parametrize(
    ("http", "protocol", "option"),
    [
        pytest.param({}, "http", "http_protocol_options", id="http"),
        pytest.param({}, "http2", "http2_protocol_options", id="http2"),
        pytest.param({"h2UpgradePolicy": "UPGRADE"}, "http", "http2_protocol_options", id="upgraded"),
        pytest.param({"h2UpgradePolicy": "DO_NOT_UPGRADE"}, "http", "http_protocol_options", id="left alone"),
    ],
)
def test_a_protocol_is_chosen(http: Object, protocol: Protocol, option: str) -> None:
    [options] = http_options(TrafficPolicy(connection_pool={"http": http}), protocol)[
        "typed_extension_protocol_options"
    ].values()

    assert options["explicit_http_config"] == {option: {}}


def test_connections_are_used_so_often_and_kept_so_long() -> None:
    pool = {"http": {"maxRequestsPerConnection": 1, "idleTimeout": "1h"}}

    [options] = http_options(TrafficPolicy(connection_pool=pool), "auto")[
        "typed_extension_protocol_options"
    ].values()

    assert options["common_http_protocol_options"] == {
        "max_requests_per_connection": 1,
        "idle_timeout": "3600s",
    }
    assert "use_downstream_protocol_config" in options
