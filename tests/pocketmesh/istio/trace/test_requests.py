"""A proxy's record in words. Each row: what Envoy said, what we say of it and the object behind it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pocketmesh.istio.envoy.records import Record
from pocketmesh.istio.mesh.guards import Guard
from pocketmesh.istio.mesh.policy import RequestAuthentication, WaypointPolicy
from pocketmesh.istio.mesh.routing import Match, Mirror, Rule
from pocketmesh.istio.trace.requests import explain

WHO = "spiffe://cluster.local/ns/shop/sa/client"
RULE = Rule(("shop", "split"), 2, "", Match("Exact", "/a"))
ALLOW = WaypointPolicy("shop", "readers", "ALLOW", ())


def said(record: Record, *policies: WaypointPolicy) -> list[tuple[str, str]]:
    guard = Guard(policies, (RequestAuthentication("shop", "tokens", ()),))
    return [(hop.did, hop.because) for hop in explain("waypoint shop/w", record, (RULE,), guard)]


def record(details: str, code: int = 200, **more: object) -> Record:
    return Record(method="GET", details=details, code=code, identity=WHO, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "last"),
    [
        pytest.param(
            record("via_upstream", upstream="10.0.0.1:80", cluster="inbound-vip|80|http|a.shop.svc"),
            ("sends it to 10.0.0.1:80", "Service a.shop.svc:80"),
            id="answered by a backend",
        ),
        pytest.param(
            record("via_upstream", upstream="10.0.0.1:80", attempts=3, cluster="odd"),
            ("sends it to 10.0.0.1:80, try 3", "odd"),
            id="answered at the third try",
        ),
        pytest.param(
            record("via_upstream", upstream="a:443", upstream_tls="TLSv1.3", cluster="odd"),
            ("sends it to a:443 over TLSv1.3", "odd"),
            id="answered over TLS",
        ),
        pytest.param(
            record("route_not_found", 404, flags="NR"),
            ("finds no rule that matches", "HTTPRoute shop/split"),
            id="no rule",
        ),
        pytest.param(
            record("no_healthy_upstream", 503, flags="UH"),
            ("finds no ready endpoint", "UH"),
            id="no endpoint",
        ),
        pytest.param(
            record("rbac_access_denied_matched_policy[ns[shop]-policy[no]-rule[1]]", 403),
            (f"refuses {WHO}: denied", "AuthorizationPolicy shop/no, rule 1"),
            id="denied",
        ),
        pytest.param(
            record("jwt_authn_access_denied{Jwt_is_expired}", 401),
            ("refuses the token: Jwt is expired", "RequestAuthentication shop/tokens"),
            id="token",
        ),
        pytest.param(
            record("fault_filter_abort", 418, flags="FI"), ("aborts it, an injected fault", "FI"), id="fault"
        ),
        pytest.param(
            record("upstream_reset_before_response_started{connection_termination}", 503, upstream="a:1"),
            ("is broken off by a:1: connection termination", ""),
            id="reset",
        ),
        pytest.param(
            record("response_timeout", 504, flags="UT", upstream="10.0.0.1:80"),
            ("gives up waiting for the answer", "UT"),
            id="no answer in time",
        ),
        pytest.param(
            record("something_new", 500),
            ("answers itself: something new", ""),
            id="a detail that nobody has put into words",
        ),
    ],
)
def test_what_envoy_did_is_said_last(given: Record, last: tuple[str, str]) -> None:
    assert said(given)[-1] == last


def test_the_rule_that_was_chosen_is_named() -> None:
    found = said(record("via_upstream", route="shop.split.2", upstream="a:1"))
    assert found[0] == ("matches Exact /a", "HTTPRoute shop/split, rule 2")


def test_what_its_filters_do_is_said_after_it() -> None:
    rule = replace(RULE, mirrors=(Mirror("next.shop.svc", 80),))
    hops = explain("waypoint shop/w", record("via_upstream", route="shop.split.2", upstream="a:1"), (rule,))
    assert [hop.did for hop in hops][1:] == ["sends a copy to Service next.shop.svc:80", "sends it to a:1"]


def test_the_only_rule_without_a_name_is_known_by_that() -> None:
    rule = replace(RULE, kind="VirtualService", index=0)
    hops = explain("waypoint shop/w", record("via_upstream", upstream="a:1"), (rule,))
    assert hops[0].because == "VirtualService shop/split, rule 0"


def test_a_service_without_rules_keeps_its_destination() -> None:
    assert said(record("via_upstream", route="default", upstream="a:1"))[0][0].startswith("has no route")


def test_who_is_admitted_is_said_where_there_are_policies() -> None:
    found = said(record("via_upstream", route="shop.split.2", upstream="a:1"), ALLOW)
    assert found[0] == (f"admits {WHO}", "AuthorizationPolicy shop/readers")


def test_when_no_allow_policy_admits_all_of_them_are_named() -> None:
    found = said(record("rbac_access_denied_matched_policy[none]", 403), ALLOW)
    assert found == [
        (f"refuses {WHO}: there are ALLOW policies and none admits", "AuthorizationPolicy shop/readers")
    ]
