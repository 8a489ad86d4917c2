from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.istio.mesh.matches import matches
from pocketmesh.istio.mesh.routes import rules_by_service
from pocketmesh.istio.mesh.routing import Match, ValueMatch

Object = dict[str, Any]


@pytest.mark.parametrize(
    ("method", "path_type", "path"),
    [
        pytest.param({}, "PathPrefix", "/", id="any method of any service"),
        pytest.param({"service": "shop.Cart", "method": "Add"}, "Exact", "/shop.Cart/Add", id="one method"),
        pytest.param({"service": "shop.Cart"}, "PathPrefix", "/shop.Cart/", id="a service"),
        pytest.param({"method": "Add"}, "RegularExpression", "/[^/]+/Add", id="a method of any service"),
        pytest.param(
            {"type": "RegularExpression", "service": "shop\\..*"},
            "RegularExpression",
            "/shop\\..*/[^/]+",
            id="services by expression",
        ),
        pytest.param(
            {"type": "RegularExpression", "service": "a|b", "method": "Get.*"},
            "RegularExpression",
            "/a|b/Get.*",
            id="both by expression",
        ),
    ],
)
def test_a_grpc_method_is_a_path(method: Object, path_type: str, path: str) -> None:
    [found] = matches("GRPCRoute", {"matches": [{"method": method}]})

    assert (found.path_type, found.path) == (path_type, path)


def test_a_grpc_match_has_headers_of_which_the_first_of_a_name_counts() -> None:
    headers = [{"name": "X-A", "value": "1"}, {"name": "x-a", "value": "2"}]

    [found] = matches("GRPCRoute", {"matches": [{"headers": headers}]})

    assert found.headers == (ValueMatch("x-a", "1"),)


@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute"])
def test_a_rule_without_matches_takes_everything(kind: str) -> None:
    assert matches(kind, {}) == [Match()]


def grpc_route(*filters: str) -> Object:
    parent = {"group": "", "kind": "Service", "name": "cart"}
    rule = {"filters": [{"type": kind} for kind in filters], "backendRefs": []}
    return {
        "kind": "GRPCRoute",
        "metadata": {"name": "r", "namespace": "shop"},
        "spec": {"parentRefs": [parent], "rules": [rule]},
    }


def test_grpc_routes_are_rules_of_their_service() -> None:
    assert len(rules_by_service([grpc_route()], {})["shop", "cart"]) == 1


@pytest.mark.parametrize("kind", ["RequestRedirect", "URLRewrite", "CORS", "ExtensionRef"])
def test_a_filter_that_grpc_routes_have_not_drops_the_route(kind: str) -> None:
    assert not rules_by_service([grpc_route(kind)], {})["shop", "cart"]
