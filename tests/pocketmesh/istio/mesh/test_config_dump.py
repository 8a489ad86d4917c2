"""ztunnel's own account of the mesh."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pocketmesh.istio.ztunnel.config_dump import OpenConnection, config_dump

Object = dict[str, Any]
CLIENT, SERVER = "10.244.0.2", "10.244.0.3"


@pytest.fixture
def dumped(compiled: Callable[..., Any]) -> Callable[..., Object]:
    def dump(objects: list[Object], *connections: OpenConnection) -> Object:
        pods = {obj["status"]["podIP"]: obj for obj in objects if obj["kind"] == "Pod"}
        for pod in pods.values():
            pod["metadata"].setdefault("uid", pod["metadata"]["name"])
        return config_dump(compiled(objects), pods, connections, [])

    return dump


def named(dump: Object, kind: str, name: str) -> Object:
    return next(item for item in dump[kind] if item["name"] == name)


@pytest.mark.parametrize(("pod", "protocol"), [("client", "HBONE"), ("outsider", "TCP")])
def test_a_workload_speaks_hbone_when_it_is_enrolled(
    shop: list[Object], dumped: Callable[..., Object], pod: str, protocol: str
) -> None:
    assert named(dumped(shop), "workloads", pod)["protocol"] == protocol


def test_a_service_names_its_waypoint_by_the_waypoints_host(
    shop: list[Object], with_waypoint: Callable[..., list[Object]], dumped: Callable[..., Object]
) -> None:
    dump = dumped([*shop[:4], *with_waypoint()])

    destination = named(dump, "services", "web")["waypoint"]["destination"]
    assert destination == "shop/waypoint.shop.svc.cluster.local"
    assert "waypoint" not in named(dump, "services", "waypoint")


def test_only_ready_endpoints_count(shop: list[Object], dumped: Callable[..., Object]) -> None:
    dump = dumped(shop)

    assert named(dump, "services", "web")["endpoints"]["Kubernetes//Pod/shop/server"]["port"] == {"80": 8080}
    assert named(dump, "services", "idle")["endpoints"] == {}


@pytest.mark.parametrize(
    ("namespace", "selector", "scope"),
    [
        pytest.param("istio-system", None, "Global", id="root namespace"),
        pytest.param("shop", None, "Namespace", id="namespace"),
        pytest.param("shop", {"matchLabels": {"app": "server"}}, "WorkloadSelector", id="selector"),
    ],
)
def test_a_policy_shows_how_far_it_reaches(
    shop: list[Object], dumped: Callable[..., Object], namespace: str, selector: Any, scope: str
) -> None:
    source = {"source": {"principals": ["cluster.local/ns/shop/sa/*"]}}
    spec = {"action": "DENY", "rules": [{"from": [source]}], "selector": selector}
    policy = {"kind": "AuthorizationPolicy", "metadata": {"name": "no", "namespace": namespace}, "spec": spec}

    shown = named(dumped([*shop, policy]), "policies", "no")

    assert (shown["scope"], shown["action"]) == (scope, "Deny")
    assert shown["rules"] == [[[{"principals": [{"Prefix": "cluster.local/ns/shop/sa/"}]}]]]


def test_strict_mutual_tls_is_a_policy_of_the_root_namespace(
    shop: list[Object], dumped: Callable[..., Object]
) -> None:
    metadata = {"name": "strict", "namespace": "shop"}
    strict = {"kind": "PeerAuthentication", "metadata": metadata, "spec": {"mtls": {"mode": "STRICT"}}}

    dump = dumped([*shop, strict])

    static = "istio_converted_static_strict"
    assert named(dump, "policies", static)["namespace"] == "istio-system"
    assert f"istio-system/{static}" in named(dump, "workloads", "server")["authorizationPolicies"]


def test_exempted_ports_are_a_policy_of_their_own(shop: list[Object], dumped: Callable[..., Object]) -> None:
    spec = {
        "selector": {"matchLabels": {"app": "server"}},
        "mtls": {"mode": "STRICT"},
        "portLevelMtls": {"8080": {"mode": "PERMISSIVE"}},
    }
    strict = {"kind": "PeerAuthentication", "metadata": {"name": "p", "namespace": "shop"}, "spec": spec}

    dump = dumped([*shop, strict])

    shown = named(dump, "policies", "converted_peer_authentication_p")
    assert (shown["namespace"], shown["scope"], shown["action"]) == ("shop", "WorkloadSelector", "Deny")
    assert shown["rules"] == [[[{"notPrincipals": [{"Presence": {}}]}], [{"notDestinationPorts": [8080]}]]]
    own = named(dump, "workloads", "server")["authorizationPolicies"]
    assert own == ["shop/converted_peer_authentication_p"]


def test_open_connections_are_listed_with_the_workload_they_belong_to(
    shop: list[Object], dumped: Callable[..., Object]
) -> None:
    connection = OpenConnection(
        CLIENT, "outbound", f"{CLIENT}:40000", "10.96.0.20:80", f"{SERVER}:15008", True
    )

    states = dumped(shop, connection)["workloadState"]

    outbound = states["client"]["connections"]["outbound"]
    assert [(entry["originalDst"], entry["protocol"]) for entry in outbound] == [("10.96.0.20:80", "HBONE")]
    assert states["server"]["connections"]["outbound"] == []
    assert "outsider" not in states


def test_a_host_of_a_service_entry_is_a_service(
    shop: list[Object], entry: Callable[..., Object], dumped: Callable[..., Object]
) -> None:
    found = named(dumped([*shop, entry("STATIC", endpoints=[{"address": "192.0.2.7"}])]), "services", "entry")

    uid = "Kubernetes/networking.istio.io/ServiceEntry/shop/entry/192.0.2.7"
    assert (found["hostname"], found["vips"]) == ("api.example", ["/240.240.0.1"])
    assert found["endpoints"][uid]["port"] == {"80": 80}


def test_an_endpoint_of_a_service_entry_is_a_workload(
    shop: list[Object], entry: Callable[..., Object], dumped: Callable[..., Object]
) -> None:
    dump = dumped([*shop, entry("STATIC", endpoints=[{"address": "192.0.2.7"}])])

    assert named(dump, "workloads", "entry")["workloadIps"] == ["192.0.2.7"]
