"""EnvoyFilters applied to configurations: what they match, what they do, and what they may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from pocketmesh.istio.envoy.config import Configuration
from pocketmesh.istio.envoy.confinement import Refused, confined
from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.patching import patched
from pocketmesh.istio.envoy.patching.lists import operated
from pocketmesh.istio.envoy.patching.merging import merged
from pocketmesh.istio.envoy.xds import response
from pocketmesh.istio.mesh import Mesh
from pocketmesh.istio.mesh.attachments import Proxy
from pocketmesh.istio.mesh.extensions import extensions

WAYPOINT = Proxy("waypoint", "shop", "waypoint", "istio-waypoint")
GATEWAY = Proxy("router", "shop", "edge", "istio", {"app": "edge"})
TO_WAYPOINT = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}
TO_EDGE = {**TO_WAYPOINT, "name": "edge"}
TO_CLASS = {"group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "istio-waypoint"}
LAYOUT = Layout(Path("/run/envoy"))
HELLO, OTHER = (
    "inbound-vip|80|http|hello.shop.svc.cluster.local",
    "inbound-vip|8080|http|other.shop.svc.cluster.local",
)
MANAGER = "envoy.filters.network.http_connection_manager"
RATE = "type.googleapis.com/udpa.type.v1.TypedStruct"


def chain(name: str) -> dict[str, Any]:
    routes = {"route_config_name": name}
    config = {"rds": routes, "http_filters": [{"name": "rbac"}, {"name": "envoy.filters.http.router"}]}
    return {"name": name, "filters": [{"name": "client"}, {"name": MANAGER, "typed_config": config}]}


def table(name: str) -> str:
    routes = [{"name": "default", "match": {"prefix": "/"}, "route": {"cluster": name}}]
    return response(
        {"name": name, "virtual_hosts": [{"name": "inbound|http|80", "domains": ["*"], "routes": routes}]}
    )


def configuration() -> Configuration:
    clusters = ({"name": name, "type": "EDS", "connect_timeout": "10s"} for name in (HELLO, OTHER))
    files = {
        "cds.json": response(*clusters),
        "lds.json": response({"name": "main_internal", "filter_chains": [chain(HELLO), chain(OTHER)]}),
        **{f"rds/{name}.json": table(name) for name in (HELLO, OTHER)},
        **{f"eds/{name}.json": response({"cluster_name": name}) for name in (HELLO, OTHER)},
    }
    return Configuration(files, frozenset())


def envoy_filter(
    *patches: dict[str, Any], namespace: str = "shop", name: str = "f", **spec: Any
) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace, "creationTimestamp": spec.pop("created", "2026")}
    return {"metadata": meta, "spec": {"configPatches": list(patches), **spec}}


def change(
    apply_to: str, operation: str, value: dict[str, Any] | None = None, **match: Any
) -> dict[str, Any]:
    return {"applyTo": apply_to, "match": match, "patch": {"operation": operation, "value": value or {}}}


def result(*items: dict[str, Any], proxy: Proxy = WAYPOINT, mesh: Mesh | None = None) -> Configuration:
    mesh = mesh or Mesh(envoy_filters=extensions(items))
    return patched(configuration(), mesh, proxy, LAYOUT)


def resources(found: Configuration, name: str) -> list[dict[str, Any]]:
    return list(orjson.loads(found.files[name])["resources"])


def http_filters(found: Configuration, chain: int = 0) -> list[str]:
    manager = resources(found, "lds.json")[0]["filter_chains"][chain]["filters"][-1]
    return [item["name"] for item in manager["typed_config"]["http_filters"]]


ADDED = change("HTTP_FILTER", "INSERT_FIRST", {"name": "mine"})


@pytest.mark.parametrize(
    ("proxy", "item", "reached"),
    [
        pytest.param(WAYPOINT, envoy_filter(ADDED, targetRefs=[TO_WAYPOINT]), True, id="named-waypoint"),
        pytest.param(WAYPOINT, envoy_filter(ADDED), False, id="waypoints-want-to-be-named"),
        pytest.param(WAYPOINT, envoy_filter(ADDED, namespace="istio-system"), False, id="even-by-the-mesh"),
        pytest.param(
            WAYPOINT, envoy_filter(ADDED, namespace="istio-system", targetRefs=[TO_CLASS]), True, id="class"
        ),
        pytest.param(WAYPOINT, envoy_filter(ADDED, targetRefs=[TO_CLASS]), False, id="class-from-elsewhere"),
        pytest.param(GATEWAY, envoy_filter(ADDED), True, id="gateways-obey-their-namespace"),
        pytest.param(GATEWAY, envoy_filter(ADDED, namespace="istio-system"), True, id="and-the-mesh"),
        pytest.param(GATEWAY, envoy_filter(ADDED, namespace="other"), False, id="and-no-other-namespace"),
        pytest.param(
            GATEWAY, envoy_filter(ADDED, workloadSelector={"labels": {"app": "edge"}}), True, id="selector"
        ),
        pytest.param(
            GATEWAY,
            envoy_filter(ADDED, workloadSelector={"labels": {"app": "x"}}),
            False,
            id="selects-others",
        ),
        pytest.param(GATEWAY, envoy_filter(ADDED, targetRefs=[TO_EDGE]), True, id="named-gateway"),
        pytest.param(
            WAYPOINT,
            envoy_filter(
                change("HTTP_FILTER", "INSERT_FIRST", {"name": "mine"}, context="SIDECAR_INBOUND"),
                targetRefs=[TO_WAYPOINT],
            ),
            False,
            id="a-waypoint-is-no-sidecar",
        ),
        pytest.param(
            WAYPOINT,
            envoy_filter(
                change("HTTP_FILTER", "INSERT_FIRST", {"name": "mine"}, proxy={"proxyVersion": r"^1\.20.*"}),
                targetRefs=[TO_WAYPOINT],
            ),
            False,
            id="another-version",
        ),
    ],
)
def test_an_envoy_filter_reaches(proxy: Proxy, item: dict[str, Any], reached: bool) -> None:
    assert ("mine" in http_filters(result(item, proxy=proxy))) is reached


def test_lower_priority_comes_first_then_the_older() -> None:
    named = [
        envoy_filter(
            change("HTTP_FILTER", "INSERT_FIRST", {"name": name}),
            targetRefs=[TO_WAYPOINT],
            name=name,
            priority=priority,
            created=created,
        )
        for name, priority, created in (
            ("late", 0, "2026-02"),
            ("early", 0, "2026-01"),
            ("first", -1, "2026-03"),
        )
    ]
    assert http_filters(result(*named))[:3] == ["late", "early", "first"]


def test_a_port_says_which_chains_and_clusters_are_meant() -> None:
    at = {"context": "WAYPOINT", "waypoint": {"portNumber": 8080}}
    found = result(
        envoy_filter(
            change("HTTP_FILTER", "INSERT_FIRST", {"name": "mine"}, **at),
            change("CLUSTER", "MERGE", {"connectTimeout": "3s"}, **at),
            targetRefs=[TO_WAYPOINT],
        )
    )
    assert (http_filters(found, 0)[0], http_filters(found, 1)[0]) == ("rbac", "mine")
    assert [item["connect_timeout"] for item in resources(found, "cds.json")] == ["10s", "3s"]


def test_what_is_removed_is_not_waited_for() -> None:
    found = result(
        envoy_filter(
            change("CLUSTER", "REMOVE", cluster={"service": "other.shop.svc.cluster.local"}),
            change("FILTER_CHAIN", "REMOVE", listener={"filterChain": {"name": OTHER}}),
            targetRefs=[TO_WAYPOINT],
        )
    )
    assert {name for name in found.files if OTHER in name} == set()


def test_an_extension_that_is_discovered_is_what_another_patch_says() -> None:
    found = result(
        envoy_filter(
            change("EXTENSION_CONFIG", "ADD", {"name": "limit", "typed_config": {"@type": "x"}}),
            change(
                "HTTP_FILTER", "INSERT_FIRST", {"name": "limit", "config_discovery": {"type_urls": ["x"]}}
            ),
            targetRefs=[TO_WAYPOINT],
        )
    )
    manager = resources(found, "lds.json")[0]["filter_chains"][0]["filters"][-1]
    assert manager["typed_config"]["http_filters"][0] == {"name": "limit", "typed_config": {"@type": "x"}}


def test_a_patch_that_makes_no_sense_is_told_and_spares_the_others() -> None:
    nonsense = change("FILTER_CHAIN", "ADD", {"filters": "none"})
    later = change("HTTP_FILTER", "INSERT_FIRST", {"name": "mine"})
    found = result(envoy_filter(nonsense, later, targetRefs=[TO_WAYPOINT]))
    assert found.problems == ("EnvoyFilter shop/f, patch of HTTP_FILTER: not of Envoy's form",)


def test_an_added_listener_is_on_a_port_of_the_pod() -> None:
    address = {"socket_address": {"address": "0.0.0.0", "port_value": 9999}}
    found = result(
        envoy_filter(
            change("LISTENER", "ADD", {"name": "more", "address": address}), targetRefs=[TO_WAYPOINT]
        )
    )
    assert found.ports == {9999: LAYOUT.port(9999)}
    assert resources(found, "lds.json")[1]["address"]["pipe"]["path"] == str(LAYOUT.port(9999))


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("ADD", "a b c x"),
        ("INSERT_FIRST", "x a b c"),
        ("INSERT_BEFORE", "a x b c"),
        ("INSERT_AFTER", "a b x c"),
        ("REPLACE", "a x c"),
        ("REMOVE", "a c"),
        ("INVALID", "a b c"),
    ],
)
def test_operations_on_lists(operation: str, expected: str) -> None:
    items = [{"name": name} for name in "abc"]
    found = operated(items, operation, {"name": "x"}, lambda item: item["name"] == "b")
    assert " ".join(item["name"] for item in found) == expected


@pytest.mark.parametrize(
    ("base", "value", "expected"),
    [
        pytest.param({"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 2}}, id="messages-by-field"),
        pytest.param({"a": [1]}, {"a": [2]}, {"a": [1, 2]}, id="lists-are-joined"),
        pytest.param({"two_words": 1}, {"twoWords": 2}, {"two_words": 2}, id="both-spellings"),
        pytest.param(
            {"map": {"fooBar": 1}}, {"map": {"fooBar": 2}}, {"map": {"fooBar": 2}}, id="keys-of-maps"
        ),
        pytest.param({"route": {}}, {"directResponse": {}}, {"direct_response": {}}, id="one-of-several"),
        pytest.param(
            {"@type": "x", "a": 1},
            {"@type": RATE, "type_url": "x", "value": {"b": 2}},
            {"@type": "x", "a": 1, "b": 2},
            id="a-structure-of-the-same-type",
        ),
        pytest.param({"@type": "x", "a": 1}, {"@type": "y"}, {"@type": "y"}, id="another-type"),
    ],
)
def test_messages_are_merged(base: dict[str, Any], value: dict[str, Any], expected: dict[str, Any]) -> None:
    assert merged(base, value) == expected


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"code": {"local": {"filename": "/etc/passwd"}}}, id="a-file"),
        pytest.param({"address": {"pipe": {"path": "/run/docker.sock"}}}, id="a-socket"),
        pytest.param({"address": {"socketAddress": {"address": "10.0.0.1"}}}, id="an-address"),
        pytest.param({"grpc_service": {"googleGrpc": {"target_uri": "x"}}}, id="a-connection-past-envoy"),
        pytest.param(
            {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": "/x",
            },
            id="a-log",
        ),
        pytest.param(
            {"@type": RATE, "type_url": "type.googleapis.com/envoy.extensions.dynamic_modules.v3.X"},
            id="a-library",
        ),
    ],
)
def test_what_would_reach_the_machine_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        confined({"value": [value]})
