from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pocketmesh.istio.mesh import decide
from pocketmesh.net.interception import Connection

CLIENT, SERVER, OUTSIDER, NOBODY = "10.244.0.2", "10.244.0.3", "10.244.0.4", "10.244.0.99"
WEB, IDLE = "10.96.0.20", "10.96.0.21"


def deny_all() -> dict[str, Any]:
    return {"kind": "AuthorizationPolicy", "metadata": {"name": "nothing", "namespace": "shop"}, "spec": {}}


def connection(source: str, ip: str, port: int) -> Connection:
    return Connection(source, 40000, ip, port)


@pytest.mark.parametrize(
    ("source", "ip", "port", "verdict", "end"),
    [
        pytest.param(CLIENT, WEB, 80, "deliver", (SERVER, 8080), id="mesh to a service"),
        pytest.param(CLIENT, SERVER, 8080, "deliver", (SERVER, 8080), id="mesh to a pod"),
        pytest.param(CLIENT, WEB, 81, "reset", None, id="mesh to a port that the service has not"),
        pytest.param(CLIENT, IDLE, 80, "reset", None, id="mesh to a service without endpoints"),
        pytest.param(CLIENT, NOBODY, 80, "unreachable", None, id="mesh to nobody"),
        pytest.param(OUTSIDER, WEB, 80, "deliver", (SERVER, 8080), id="plain to a service"),
        pytest.param(OUTSIDER, WEB, 81, "timeout", None, id="plain to a port that the service has not"),
        pytest.param(OUTSIDER, IDLE, 80, "refuse", None, id="plain to a service without endpoints"),
        pytest.param(OUTSIDER, NOBODY, 80, "unreachable", None, id="plain to nobody"),
    ],
)
def test_a_connection_ends_where_it_should(
    shop: Any, compiled: Callable[..., Any], source: str, ip: str, port: int, verdict: str, end: Any
) -> None:
    path = decide(compiled(shop), connection(source, ip, port))

    assert path.verdict == verdict
    assert end is None or (path.ip, path.port) == end


@pytest.mark.parametrize(("source", "tunnelled"), [(CLIENT, True), (OUTSIDER, False)], ids=["mesh", "plain"])
def test_only_pods_of_the_mesh_are_tunnelled(
    shop: Any, compiled: Callable[..., Any], source: str, tunnelled: bool
) -> None:
    assert decide(compiled(shop), connection(source, WEB, 80)).tunnelled is tunnelled


def test_a_refusal_names_the_policy_behind_it(shop: Any, compiled: Callable[..., Any]) -> None:
    path = decide(compiled([*shop, deny_all()]), connection(CLIENT, WEB, 80))

    assert path.verdict == "reset"
    assert path.error.endswith("allow policies exist, but none allowed")
    assert path.hops[-1].because == "AuthorizationPolicy shop/nothing"
    assert path.hops[-1].at == "ztunnel of Pod shop/server"


def test_a_refusal_of_plain_text_names_the_object_that_was_written(
    shop: Any, compiled: Callable[..., Any]
) -> None:
    metadata = {"name": "strict", "namespace": "shop"}
    strict = {"kind": "PeerAuthentication", "metadata": metadata, "spec": {"mtls": {"mode": "STRICT"}}}
    path = decide(compiled([*shop, strict]), connection(OUTSIDER, WEB, 80))

    assert path.error.endswith("explicitly denied by: istio-system/istio_converted_static_strict")
    assert path.hops[-1].did == "refuses plain text at port 8080: mutual TLS is demanded"
    assert path.hops[-1].because == "PeerAuthentication shop/strict"


@pytest.mark.parametrize(
    ("source", "ip", "verdict"),
    [
        pytest.param(CLIENT, WEB, "waypoint", id="mesh to the service"),
        pytest.param(CLIENT, SERVER, "deliver", id="mesh to the pod"),
        pytest.param(OUTSIDER, WEB, "deliver", id="plain to the service"),
    ],
)
def test_a_service_waypoint_is_for_what_the_mesh_sends_to_the_service(
    shop: Any,
    compiled: Callable[..., Any],
    with_waypoint: Callable[..., Any],
    source: str,
    ip: str,
    verdict: str,
) -> None:
    mesh = compiled([*shop, *with_waypoint()])

    assert decide(mesh, connection(source, ip, 80 if ip == WEB else 8080)).verdict == verdict


def test_the_way_through_a_waypoint_says_why(
    shop: Any, compiled: Callable[..., Any], with_waypoint: Callable[..., Any]
) -> None:
    path = decide(compiled([*shop, *with_waypoint()]), connection(CLIENT, WEB, 80))

    assert (path.waypoint, path.ip, path.port) == (("shop", "waypoint"), "10.244.0.10", 15008)
    assert path.hops[-1].did == "sends it to waypoint shop/waypoint at 10.244.0.10"
    assert path.hops[-1].because == "Successfully attached to waypoint shop/waypoint"


def test_a_waypoint_without_pods_breaks_connections_off(
    shop: Any, compiled: Callable[..., Any], with_waypoint: Callable[..., Any]
) -> None:
    path = decide(compiled([*shop, *with_waypoint(pods=0)]), connection(CLIENT, WEB, 80))

    assert path.verdict == "reset"
    assert path.error == "unknown waypoint: waypoint.shop.svc.cluster.local"
