"""The phases of a Gateway that the golden statuses do not show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pocketmesh.istio.gateway_api.classes import class_of
from pocketmesh.istio.istiod.gateways import gateway_status
from pocketmesh.istio.settings import Settings

Object = dict[str, Any]

SETTINGS = Settings()
WAYPOINT = {
    "kind": "Gateway",
    "metadata": {"namespace": "ns", "name": "wp", "generation": 1},
    "spec": {
        "gatewayClassName": "istio-waypoint",
        "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
    },
}
INGRESS = {
    "kind": "Gateway",
    "metadata": {"namespace": "ns", "name": "gw", "generation": 1},
    "spec": {"gatewayClassName": "istio", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]},
}


def service(name: str, port: int, **spec: str) -> Object:
    labels = {"gateway.istio.io/managed": "x"}
    return {
        "kind": "Service",
        "metadata": {"namespace": "ns", "name": name, "labels": labels},
        "spec": {"clusterIP": "10.96.0.7", "ports": [{"name": "main", "port": port}], **spec},
    }


def endpoints(name: str, *, ready: bool = True) -> Object:
    return {
        "kind": "EndpointSlice",
        "metadata": {"namespace": "ns", "name": name, "labels": {"kubernetes.io/service-name": name}},
        "ports": [{"name": "main", "port": 15008}],
        "endpoints": [{"addresses": ["10.244.0.9"], "conditions": {"ready": ready}}],
    }


def status_of(gateway: Object, reader: Any) -> Object:
    info = class_of(gateway, reader, SETTINGS)
    assert info is not None
    return gateway_status(gateway, info, reader, SETTINGS, "now")


@pytest.mark.parametrize(
    ("gateway", "objects", "reason", "message"),
    [
        pytest.param(
            WAYPOINT,
            [],
            "AddressNotUsable",
            'Failed to assign to any requested addresses: hostname "wp.ns.svc.cluster.local" not found',
            id="no Service yet",
        ),
        pytest.param(
            WAYPOINT,
            [service("wp", 15008), endpoints("wp", ready=False)],
            "AddressNotAssigned",
            "Failed to assign to any requested addresses: "
            'no instances found for hostname "wp.ns.svc.cluster.local"',
            id="nothing ready",
        ),
        pytest.param(
            WAYPOINT,
            [service("wp", 15008), endpoints("wp")],
            "Programmed",
            "Resource programmed, assigned to service(s) wp.ns.svc.cluster.local:15008",
            id="ready",
        ),
        pytest.param(
            INGRESS,
            [service("gw-istio", 80, type="LoadBalancer"), endpoints("gw-istio")],
            "AddressNotAssigned",
            "Assigned to service(s) gw-istio.ns.svc.cluster.local:80, but failed to assign to all requested "
            'addresses: address pending for hostname "gw-istio.ns.svc.cluster.local"',
            id="load balancer without address",
        ),
    ],
)
def test_a_gateway_says_how_far_it_is(
    gateway: Object, objects: list[Object], reason: str, message: str, reading: Callable[..., Any]
) -> None:
    conditions = status_of(gateway, reading(gateway, *objects))["conditions"]
    programmed = next(entry for entry in conditions if entry["type"] == "Programmed")
    assert (programmed["reason"], programmed["message"]) == (reason, message)


def test_a_ready_waypoint_has_an_ip_and_a_name(reading: Callable[..., Any]) -> None:
    status = status_of(WAYPOINT, reading(service("wp", 15008), endpoints("wp")))
    assert status["addresses"] == [
        {"type": "IPAddress", "value": "10.96.0.7"},
        {"type": "Hostname", "value": "wp.ns.svc.cluster.local"},
    ]


def test_an_address_once_given_stays_when_the_pods_go(reading: Callable[..., Any]) -> None:
    before = {"addresses": [{"type": "IPAddress", "value": "10.96.0.7"}]}
    status = status_of({**WAYPOINT, "status": before}, reading(service("wp", 15008)))
    assert status["addresses"] == before["addresses"]


def test_a_pending_load_balancer_has_no_address(reading: Callable[..., Any]) -> None:
    objects = [service("gw-istio", 80, type="LoadBalancer"), endpoints("gw-istio")]
    assert "addresses" not in status_of(INGRESS, reading(*objects))


def test_a_gateway_of_another_revision_is_left_alone(reading: Callable[..., Any]) -> None:
    metadata = {**WAYPOINT["metadata"], "labels": {"istio.io/rev": "canary"}}
    assert class_of({**WAYPOINT, "metadata": metadata}, reading(), SETTINGS) is None
