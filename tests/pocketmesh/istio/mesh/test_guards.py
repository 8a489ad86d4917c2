"""Which policies stand before what: waypoints know those with targets, gateways also what selects them."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.istio.mesh.compile import compile_mesh
from pocketmesh.istio.mesh.guards import gateway_guard, waypoint_guard
from pocketmesh.istio.mesh.model import Mesh

Object = dict[str, Any]
GROUP = "gateway.networking.k8s.io"
LABELS = {"app": "gateway"}


def gateway(name: str, kind: str) -> Object:
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"gatewayClassName": kind}}


def item(name: str, namespace: str = "shop", **spec: Any) -> Object:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def target(kind: str, name: str, group: str = GROUP) -> list[Object]:
    return [{"kind": kind, "name": name, "group": group}]


ITEMS = [
    item("mesh", "istio-system"),
    item("namespace"),
    item("elsewhere", "other"),
    item("selected", selector={"matchLabels": LABELS}),
    item("not-selected", selector={"matchLabels": {"app": "x"}}),
    item("class", "istio-system", targetRefs=target("GatewayClass", "istio-waypoint")),
    item("class-from-outside", targetRefs=target("GatewayClass", "istio-waypoint")),
    item("waypoint", targetRefs=target("Gateway", "waypoint")),
    item("deprecated", targetRef=target("Gateway", "waypoint")[0]),
    item("gateway", targetRefs=target("Gateway", "gateway")),
    item("gateway-elsewhere", "other", targetRefs=target("Gateway", "gateway")),
    item("service", targetRefs=target("Service", "hello", "")),
    item("core", targetRefs=target("Service", "hello", "core")),
    item("several", targetRefs=[*target("Service", "hello", ""), *target("Gateway", "gateway")]),
    item("entry", targetRefs=target("ServiceEntry", "hello", "networking.istio.io")),
]
WAYPOINT = {"class", "waypoint", "deprecated"}
OF_SERVICE = {*WAYPOINT, "service", "core", "several"}
GATEWAY = {"mesh", "namespace", "selected", "gateway", "several"}


@pytest.fixture(params=["authorizationpolicies", "requestauthentications"])
def mesh(request: pytest.FixtureRequest) -> Mesh:
    gateways = [gateway("waypoint", "istio-waypoint"), gateway("gateway", "istio")]
    return compile_mesh(
        {"gateways.gateway.networking.k8s.io": gateways, f"{request.param}.security.istio.io": ITEMS}
    )


def names(guard: Any) -> set[str]:
    return {entry.name for entry in (*guard.policies, *guard.authentications)}


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        pytest.param(("Service", "shop", "hello"), OF_SERVICE, id="service"),
        pytest.param(("ServiceEntry", "shop", "hello"), {*WAYPOINT, "entry"}, id="ServiceEntry"),
        pytest.param(("Service", "shop", "other"), WAYPOINT, id="another service"),
        pytest.param(None, WAYPOINT, id="a pod's address"),
    ],
)
def test_a_waypoint_knows_what_targets_it_and_its_service(mesh: Mesh, service: Any, expected: Any) -> None:
    assert names(waypoint_guard(mesh, ("shop", "waypoint"), service)) == expected


def test_a_gateway_obeys_what_selects_it_as_well(mesh: Mesh) -> None:
    assert names(gateway_guard(mesh, ("shop", "gateway"), LABELS)) == GATEWAY


def test_a_dry_run_stands_before_nothing() -> None:
    dry = item("dry", targetRefs=target("Service", "hello", ""))
    dry["metadata"]["annotations"] = {"istio.io/dry-run": "true"}
    mesh = compile_mesh({"authorizationpolicies.security.istio.io": [dry]})

    assert names(waypoint_guard(mesh, ("shop", "waypoint"), ("Service", "shop", "hello"))) == set()
