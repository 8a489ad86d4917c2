"""What istiod writes on ServiceEntries and WorkloadEntries."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.controllers.runtime import Runtime
from pocketmesh.istio.istiod import reconcilers
from pocketmesh.istio.resources import GATEWAYS, SERVICE_ENTRIES, WORKLOAD_ENTRIES
from pocketmesh.objects import condition

Object = dict[str, Any]


@pytest.fixture
def istiod(registry: Registry, runtime: Runtime) -> Runtime:
    for reconciler in reconcilers(registry, "PEM"):
        runtime.add(reconciler)
    runtime.drain()
    return runtime


def entry(host: str, *, labels: Object | None = None, **spec: Any) -> Object:
    ports = [{"number": 80, "name": "http", "protocol": "HTTP"}]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"namespace": "app", "name": "entry", "labels": labels or {}},
        "spec": {"hosts": [host], "ports": ports, **spec},
    }


@pytest.mark.parametrize(
    ("made", "values"),
    [
        pytest.param(entry("a.example", resolution="DNS"), ["240.240.0.1", "2001:2::1"], id="DNS"),
        pytest.param(entry("a.example", resolution="STATIC"), ["240.240.0.1", "2001:2::1"], id="STATIC"),
        pytest.param(entry("a.example"), [], id="NONE"),
        pytest.param(entry("a.example", resolution="DNS", addresses=["192.0.2.1"]), [], id="its own"),
        pytest.param(entry("*.example", resolution="STATIC"), [], id="wildcard"),
        pytest.param(
            entry("*.example", resolution="DYNAMIC_DNS"), ["240.240.0.1", "2001:2::1"], id="dynamic wildcard"
        ),
        pytest.param(
            entry(
                "a.example", resolution="DNS", labels={"networking.istio.io/enable-autoallocate-ip": "false"}
            ),
            [],
            id="opted out",
        ),
    ],
)
def test_an_entry_is_given_addresses(
    istiod: Runtime, client: Client, made: Object, values: list[str]
) -> None:
    client.create(SERVICE_ENTRIES, made)
    istiod.drain()

    found = client.get(SERVICE_ENTRIES, "app", "entry")
    assert found is not None
    assert [item["value"] for item in (found.get("status") or {}).get("addresses", [])] == values


def test_a_wildcard_without_a_waypoint_is_told(istiod: Runtime, client: Client) -> None:
    client.create(SERVICE_ENTRIES, entry("*.example", resolution="DYNAMIC_DNS"))
    istiod.drain()

    found = client.get(SERVICE_ENTRIES, "app", "entry")
    assert found is not None
    told = condition(found, "istio.io/WaypointMissing")
    assert told is not None
    assert (told["status"], told["reason"]) == ("True", "NoWaypointForWildcardService")


@pytest.mark.parametrize(
    ("kind", "reason", "manager"),
    [
        pytest.param("service", "UnsupportedTrafficType", "istio-ambient-workloadentry", id="for services"),
        pytest.param("all", "WaypointAccepted", "istio-ambient-workloadentry", id="for all"),
    ],
)
def test_a_workload_entry_is_told_what_it_is_bound_to(
    istiod: Runtime, client: Client, kind: str, reason: str, manager: str
) -> None:
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    client.create(
        GATEWAYS,
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {"namespace": "app", "name": "wp", "labels": {"istio.io/waypoint-for": kind}},
            "spec": {"gatewayClassName": "istio-waypoint", "listeners": [listener]},
        },
    )
    client.merge(GATEWAYS, "app", "wp", {"status": {"addresses": [{"value": "10.96.0.9"}]}}, "status")
    meta = {"namespace": "app", "name": "vm", "labels": {"istio.io/use-waypoint": "wp"}}
    client.create(
        WORKLOAD_ENTRIES,
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "WorkloadEntry",
            "metadata": meta,
            "spec": {"address": "192.0.2.8"},
        },
    )
    istiod.drain()

    found = client.get(WORKLOAD_ENTRIES, "app", "vm")
    assert found is not None
    bound = condition(found, "istio.io/WaypointBound")
    assert bound is not None
    assert bound["reason"] == reason
    assert manager in {item["manager"] for item in found["metadata"]["managedFields"]}
