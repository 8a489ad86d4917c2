from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from pocketmesh.istio.envoy.ingress import gateway_config
from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.mesh import Mesh

Object = dict[str, Any]
HTTP: Object = {"name": "http", "port": 80, "protocol": "HTTP"}
GW = ("shop", "gw")


def gateway(*listeners: Object, **labels: str) -> Object:
    meta = {"name": "gw", "namespace": "shop", "labels": labels}
    spec = {"gatewayClassName": "istio", "listeners": list(listeners)}
    return {"kind": "Gateway", "metadata": meta, "spec": spec}


def route(*hostnames: str, namespace: str = "shop", to: str = "web", **parent: Any) -> Object:
    backend = {"name": to, "namespace": "shop", "port": 80, "weight": 1}
    return {
        "kind": "HTTPRoute",
        "metadata": {"name": "r", "namespace": namespace, "creationTimestamp": "2026-01-01"},
        "spec": {
            "parentRefs": [{"name": "gw", "namespace": "shop", **parent}],
            "hostnames": list(hostnames),
            "rules": [{"backendRefs": [backend]}],
        },
    }


@pytest.fixture
def mesh(shop: list[Object], compiled: Callable[[list[Object]], Mesh]) -> Callable[..., Mesh]:
    return lambda *objects: compiled([*shop, *objects])


def served(mesh: Mesh) -> dict[str, list[str]]:
    """The hostnames with rules by listener."""
    found = mesh.gateways[GW]
    return {it.name: sorted(host for host, rules in it.rules.items() if rules) for it in found}


@pytest.mark.parametrize(
    ("own", "asked", "expected"),
    [
        pytest.param(None, (), ["*"], id="nothing said"),
        pytest.param("a.org", (), ["a.org"], id="the listener's"),
        pytest.param(None, ("a.org", "b.org"), ["a.org", "b.org"], id="the route's"),
        pytest.param("*.a.org", ("x.a.org", "b.org"), ["x.a.org"], id="a name within a wildcard"),
        pytest.param("x.a.org", ("*.a.org",), ["x.a.org"], id="a wildcard around the name"),
        pytest.param("*.a.org", ("a.org",), [], id="a wildcard takes one label more"),
    ],
)
def test_a_route_is_served_for_what_both_mean(
    mesh: Callable[..., Mesh], own: str | None, asked: tuple[str, ...], expected: list[str]
) -> None:
    listener = {**HTTP, "hostname": own} if own else HTTP

    assert served(mesh(gateway(listener), route(*asked)))["http"] == expected


def test_a_more_specific_listener_keeps_its_hostname_to_itself(mesh: Callable[..., Mesh]) -> None:
    listeners = (HTTP, {**HTTP, "name": "own", "hostname": "*.a.org"})
    found = mesh(gateway(*listeners), route("x.a.org", "b.org", sectionName="http"))

    assert served(found) == {"http": ["b.org"], "own": []}


@pytest.mark.parametrize(
    ("listener", "namespace", "parent", "attached"),
    [
        pytest.param({}, "other", {}, False, id="of another namespace"),
        pytest.param({"allowedRoutes": {"namespaces": {"from": "All"}}}, "other", {}, True, id="all may"),
        pytest.param({"allowedRoutes": {"kinds": [{"kind": "GRPCRoute"}]}}, "shop", {}, False, id="kind"),
        pytest.param({}, "shop", {"port": 81}, False, id="of another port"),
        pytest.param({}, "shop", {"sectionName": "x"}, False, id="of another section"),
    ],
)
def test_a_listener_serves_the_routes_that_it_admits(
    mesh: Callable[..., Mesh], listener: Object, namespace: str, parent: Object, attached: bool
) -> None:
    found = mesh(gateway({**HTTP, **listener}), route(namespace=namespace, **parent))

    assert served(found)["http"] == (["*"] if attached else [])


@pytest.mark.parametrize(
    ("data", "names"),
    [
        pytest.param({"tls.crt": "-----BEGIN CERTIFICATE-----", "tls.key": "k"}, ["https"], id="usable"),
        pytest.param({"tls.crt": "nothing", "tls.key": "k"}, [], id="no certificate in it"),
        pytest.param({"other": "x"}, [], id="other keys"),
    ],
)
def test_a_listener_without_a_certificate_is_not_served(
    mesh: Callable[..., Mesh], data: dict[str, str], names: list[str]
) -> None:
    encoded = {key: b64encode(value.encode()).decode() for key, value in data.items()}
    secret = {"kind": "Secret", "metadata": {"name": "cert", "namespace": "shop"}, "data": encoded}
    tls = {"certificateRefs": [{"name": "cert"}]}
    listener = {"name": "https", "port": 443, "protocol": "HTTPS", "tls": tls}

    assert list(served(mesh(gateway(listener), secret))) == names


def test_only_istiods_own_class_and_revision_is_served(mesh: Callable[..., Mesh]) -> None:
    other = gateway(HTTP)
    other["spec"]["gatewayClassName"] = "nginx"

    assert mesh(other).gateways == {}
    assert mesh(gateway(HTTP, **{"istio.io/rev": "canary"})).gateways == {}


def test_names_in_the_configuration_are_istios(mesh: Callable[..., Mesh], tmp_path: Any) -> None:
    found = gateway_config(mesh(gateway(HTTP), route()), GW, Layout(tmp_path))

    assert sorted(found.files) == [
        "cds.json",
        "eds/outbound|80||web.shop.svc.cluster.local.json",
        "lds.json",
        "rds/http.80.json",
    ]
    assert found.endpoints == {("10.244.0.3", 8080)}
    assert set(found.ports) == {80}


@pytest.mark.parametrize("asked", ["true", "false"])
def test_the_waypoint_is_on_the_way_only_if_asked(
    mesh: Callable[..., Mesh], with_waypoint: Callable[..., list[Object]], tmp_path: Any, asked: str
) -> None:
    objects = with_waypoint()
    web = next(item for item in objects if item["metadata"]["name"] == "web")
    web["metadata"]["labels"]["istio.io/ingress-use-waypoint"] = asked

    found = gateway_config(mesh(*objects, gateway(HTTP), route()), GW, Layout(tmp_path))

    assert found.endpoints == ({("10.96.0.20", 80)} if asked == "true" else {("10.244.0.3", 8080)})
