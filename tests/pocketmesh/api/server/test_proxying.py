"""Requests carried to pods and Services."""

from __future__ import annotations

import pytest

from pocketmesh.api.errors import ApiError
from pocketmesh.api.locating import Address, pod_address, service_address
from pocketmesh.api.server.proxying import rest, split

POD = {
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "a"}, {"name": "b", "ports": [{"containerPort": 5000}]}]},
    "status": {"podIP": "10.244.0.7"},
}
SERVICE = {
    "metadata": {"name": "web"},
    "spec": {"ports": [{"name": "http", "port": 80}, {"name": "admin", "port": 81}]},
}


def slices(*, ready: bool) -> list[dict[str, object]]:
    endpoint = {
        "addresses": ["10.244.0.7"],
        "conditions": {"ready": ready},
        "targetRef": {"kind": "Pod", "name": "p"},
    }
    return [{"ports": [{"name": "http", "port": 8080}], "endpoints": [endpoint]}]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("web", ("", "web", "")),
        ("web:http", ("", "web", "http")),
        ("http:web:80", ("http", "web", "80")),
        ("https:web:", ("https", "web", "")),
        ("ftp:web:21", None),
        ("a:b:c:d", None),
    ],
)
def test_a_name_may_have_a_scheme_and_a_port(name: str, parts: tuple[str, str, str] | None) -> None:
    assert split(name) == parts


@pytest.mark.parametrize(("port", "found"), [("", 5000), ("80", 80)])
def test_a_pods_port_is_the_one_asked_for_or_the_first(port: str, found: int) -> None:
    assert pod_address(POD, port) == Address("p", "10.244.0.7", found)


@pytest.mark.parametrize("port", ["http", "80"])
def test_a_services_port_goes_by_name_and_by_number(port: str) -> None:
    assert service_address(SERVICE, port, slices(ready=True)) == Address("p", "10.244.0.7", 8080)


@pytest.mark.parametrize(
    ("port", "ready", "message"),
    [
        ("9", True, 'no service port 9 found for service "web"'),
        ("81", True, 'no endpoints available for service "web"'),
        ("80", False, 'no endpoints available for service "web"'),
    ],
)
def test_a_service_without_that_endpoint_is_unavailable(port: str, ready: bool, message: str) -> None:
    with pytest.raises(ApiError, match=message) as refused:
        service_address(SERVICE, port, slices(ready=ready))

    assert refused.value.code == 503


def test_what_is_asked_keeps_its_slashes_and_its_query() -> None:
    assert rest("/api/v1/namespaces/a/pods/b/proxy/c%2F/d/?e=f/g") == "c%2F/d/?e=f/g"
