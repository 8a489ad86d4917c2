"""Istio's metrics, counted by a real waypoint and by ztunnel."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")


def series(page: bytes, name: str, **labels: str) -> float:
    """The sum of a metric's lines that have these labels."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    lines = [line for line in page.decode().splitlines() if line.startswith(f"{name}{{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines if all(pair in line for pair in wanted))


def waypoint_page(town: Any) -> bytes:
    return town.plane.proxies[town.ips["waypoint-1"]].metrics.page()


async def test_a_waypoint_counts_requests_by_client_service_and_code(shared_town) -> None:
    town = shared_town
    labels = {
        "reporter": "waypoint",
        "source_workload": "client",
        "source_principal": "spiffe://cluster.local/ns/shop/sa/client-account",
        "destination_service": "hello.shop.svc.cluster.local",
        "response_code": "200",
        "request_protocol": "http",
        "connection_security_policy": "mutual_tls",
    }
    before = series(waypoint_page(town), "istio_requests_total", **labels)

    async def counted() -> bool:
        return series(waypoint_page(town), "istio_requests_total", **labels) == before + 2

    await town.get("client", "hello")
    await town.get("client", "hello")
    await town.until(counted)
    took = series(waypoint_page(town), "istio_request_duration_milliseconds_count", **labels)
    assert took == before + 2


async def test_ztunnel_counts_a_connection_at_both_of_its_ends(shared_town) -> None:
    town = shared_town
    labels = {"destination_service_name": "hello-v1", "connection_security_policy": "mutual_tls"}

    def count(name: str, reporter: str) -> float:
        return series(town.plane.metrics(), f"istio_tcp_{name}_total", reporter=reporter, **labels)

    before = count("connections_closed", "source")

    async def closed() -> bool:
        return count("connections_closed", "source") == before + 1

    await town.get("client", "hello-v1")
    await town.until(closed)
    assert count("connections_opened", "source") == count("connections_opened", "destination")
    assert count("sent_bytes", "source") > 0


async def test_a_denied_connection_counts_as_failed(shared_town) -> None:
    town = shared_town
    policy = {
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "nobody", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "v2"}}},
    }
    town.put(policy)
    try:
        with pytest.raises((OSError, EOFError)):
            await town.get("client", "hello-v2")
    finally:
        town.drop("AuthorizationPolicy", "nobody")
    labels = {"response_flags": "DENY", "reporter": "destination", "source_workload": "client"}
    assert series(town.plane.metrics(), "istio_tcp_connections_failed_total", **labels) == 1


@pytest.mark.parametrize("port", [15020, 15090])
async def test_a_waypoints_pod_serves_istios_figures_and_envoys_own(shared_town, port: int) -> None:
    town = shared_town
    answer = await town.request(town.ips["client"], town.ips["waypoint-1"], port, "/stats/prometheus")
    assert 'istio_build{component="proxy",tag="' in answer.body
    assert "envoy_cluster_manager_active_clusters" in answer.body
