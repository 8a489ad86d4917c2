from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pocketmesh.net.services import service_table


def test_a_virtual_address_leads_to_the_pods_target_ports(
    service: Callable[..., Any], endpoint_slice: Callable[..., Any]
) -> None:
    table = service_table([service("web")], [endpoint_slice("web", "10.244.0.5", "10.244.0.6")])

    port = table.at("10.96.0.20", 80)

    assert port is not None
    assert [(end.ip, end.port) for end in port.ready] == [("10.244.0.5", 8080), ("10.244.0.6", 8080)]
    assert port.host == "web.shop.svc.cluster.local"


def test_ports_are_matched_by_name(service: Callable[..., Any], endpoint_slice: Callable[..., Any]) -> None:
    ports = [{"name": "http", "port": 80}, {"name": "admin", "port": 81}]
    slices = [
        endpoint_slice("web", "10.244.0.5", port=8080, port_name="http"),
        endpoint_slice("web", "10.244.0.5", port=9090, port_name="admin"),
    ]

    port = service_table([service("web", ports=ports)], slices).at("10.96.0.20", 81)

    assert port is not None
    assert [end.port for end in port.endpoints] == [9090]


def test_a_pod_that_is_not_ready_takes_no_traffic(
    service: Callable[..., Any], endpoint_slice: Callable[..., Any]
) -> None:
    slices = [endpoint_slice("web", "10.244.0.5", conditions={"ready": False})]

    port = service_table([service("web")], slices).at("10.96.0.20", 80)

    assert port is not None
    assert len(port.endpoints) == 1
    assert not port.ready


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"ip": "None"}, id="headless"),
        pytest.param({"ip": "", "type": "ExternalName", "externalName": "x.example"}, id="external name"),
    ],
)
def test_some_services_have_no_virtual_address(spec: dict[str, str], service: Callable[..., Any]) -> None:
    assert not service_table([service("web", **spec)], []).addresses


def test_a_udp_port_is_not_found_by_a_tcp_client(service: Callable[..., Any]) -> None:
    table = service_table([service("web", ports=[{"port": 53, "protocol": "UDP"}])], [])

    assert table.at("10.96.0.20", 53) is None
