from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.istio.mesh.routes import rules_by_service
from pocketmesh.istio.mesh.routing import honoured, milliseconds

Object = dict[str, Any]
WEB = ("shop", "web")


def route(
    name: str, *matches: Object, namespace: str = "shop", created: str = "2026-01-01", **parent: Any
) -> Object:
    ref = {"group": "", "kind": "Service", "name": "web", "namespace": "shop", **parent}
    backend = {"name": "web", "port": 80, "weight": 1}
    return {
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": created},
        "spec": {
            "parentRefs": [ref],
            "rules": [{"matches": [match], "backendRefs": [backend]} for match in matches],
        },
    }


def path(value: str, kind: str = "PathPrefix", **more: Any) -> Object:
    return {"path": {"type": kind, "value": value}, **more}


HEADER = {"headers": [{"name": "x", "value": "1"}]}
QUERY = {"queryParams": [{"name": "x", "value": "1"}]}


@pytest.mark.parametrize(
    ("less", "more"),
    [
        pytest.param(path("/long/prefix"), path("/a", "Exact"), id="exact before prefix"),
        pytest.param(path("/a.*", "RegularExpression"), path("/a"), id="prefix before expression"),
        pytest.param(path("/a"), path("/a/b"), id="longer path"),
        pytest.param(path("/a", **HEADER), path("/a", method="GET"), id="method before headers"),
        pytest.param(path("/a"), path("/a", **HEADER), id="headers before none"),
        pytest.param(path("/a", **QUERY), path("/a", **HEADER), id="headers before query"),
        pytest.param(path("/a"), path("/a", **QUERY), id="query before none"),
    ],
)
def test_the_more_specific_rule_comes_first(less: Object, more: Object) -> None:
    rules = rules_by_service([route("r", less, more)], {WEB: {}})[WEB]

    assert [rule.index for rule in rules] == [1, 0]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(
            {"name": "z", "created": "2026-01-01"}, {"name": "a", "created": "2026-01-02"}, id="older"
        ),
        pytest.param({"name": "a"}, {"name": "b"}, id="name"),
    ],
)
def test_of_equal_rules_one_route_comes_first(first: Any, second: Any) -> None:
    routes = [route(entry.pop("name"), path("/"), **entry) for entry in (dict(second), dict(first))]

    rules = rules_by_service(routes, {WEB: {}})[WEB]

    assert rules[0].route[1] == first["name"]


def test_equal_rules_of_a_route_keep_their_order() -> None:
    rules = rules_by_service([route("r", path("/"), path("/"))], {WEB: {}})[WEB]

    assert [rule.index for rule in rules] == [0, 1]


@pytest.mark.parametrize(
    ("kept", "obj"),
    [
        pytest.param(1, route("r", path("/")), id="the service's namespace"),
        pytest.param(1, route("r", path("/"), namespace="gateways"), id="the waypoint's namespace"),
        pytest.param(0, route("r", path("/"), namespace="consumer"), id="a consumer's namespace"),
        pytest.param(1, route("r", path("/"), port=80), id="this port"),
        pytest.param(0, route("r", path("/"), port=81), id="another port"),
    ],
)
def test_a_waypoint_honours_some_routes(kept: int, obj: Object) -> None:
    rules = rules_by_service([obj], {WEB: {}})[WEB]

    assert len(honoured(rules, WEB, ("gateways", "waypoint"), 80)) == kept


@pytest.mark.parametrize("group", ["gateway.networking.k8s.io", None], ids=["defaulted group", "no group"])
def test_a_service_as_parent_needs_the_empty_group(group: str | None) -> None:
    assert rules_by_service([route("r", path("/"), group=group)], {WEB: {}}) == {}


def test_a_backend_that_can_never_be_drops_the_route() -> None:
    obj = route("r", path("/"))
    obj["spec"]["rules"][0]["backendRefs"] = [{"name": "web.shop.svc", "port": 80}]

    assert not rules_by_service([obj], {WEB: {}})[WEB]


@pytest.mark.parametrize(
    ("text", "expected"), [("500ms", 500), ("1m30s", 90_000), ("1h", 3_600_000), ("0s", 0), ("", 0)]
)
def test_a_duration_is_read(text: str, expected: int) -> None:
    assert milliseconds(text) == expected
