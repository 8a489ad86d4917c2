from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pocketmesh.net.dns import Zone, candidates, resolve, zone
from pocketmesh.net.services import service_table
from pocketmesh.node.network import NameNotFound


@pytest.fixture
def records(service: Callable[..., Any], endpoint_slice: Callable[..., Any]) -> Zone:
    services = [
        service("web"),
        service("db", ip="None"),
        service("empty", ip="None"),
        service("alias", ip="", type="ExternalName", externalName="web.shop.svc.cluster.local"),
        service("outside", ip="", type="ExternalName", externalName="example.com"),
    ]
    slices = [
        endpoint_slice("db", "10.244.0.7", hostname="db-0"),
        endpoint_slice("db", "10.244.0.8", port=8081, conditions={"ready": False}),
    ]
    return zone(services, service_table(services, slices))


@pytest.mark.parametrize(
    ("namespace", "name", "expected"),
    [
        pytest.param("shop", "web", "10.96.0.20", id="short name"),
        pytest.param("other", "web.shop", "10.96.0.20", id="with its namespace"),
        pytest.param("other", "web.shop.svc", "10.96.0.20", id="with svc"),
        pytest.param("other", "web.shop.svc.cluster.local", "10.96.0.20", id="full name"),
        pytest.param("other", "web.shop.svc.cluster.local.", "10.96.0.20", id="absolute name"),
        pytest.param("shop", "WEB", "10.96.0.20", id="capitals"),
        pytest.param("shop", "db", "10.244.0.7", id="headless: the ready pods"),
        pytest.param("shop", "db-0.db", "10.244.0.7", id="a pod of a headless service"),
        pytest.param("shop", "alias", "10.96.0.20", id="alias inside the cluster"),
        pytest.param("shop", "10-244-0-9.shop.pod", "10.244.0.9", id="a pod by its address"),
        pytest.param("shop", "192.0.2.1", "192.0.2.1", id="an address"),
        pytest.param("shop", "localhost", "127.0.0.1", id="localhost"),
    ],
)
def test_a_name_is_found(records: Zone, namespace: str, name: str, expected: str) -> None:
    assert resolve(records, namespace, name) == [expected]


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        pytest.param("other", "web", id="short name of another namespace"),
        pytest.param("shop", "web.", id="absolute short name"),
        pytest.param("shop", "empty", id="headless without ready pods"),
        pytest.param("shop", "example.com", id="the world outside"),
        pytest.param("shop", "outside", id="alias of the world outside"),
    ],
)
def test_a_name_is_not_found(records: Zone, namespace: str, name: str) -> None:
    with pytest.raises(NameNotFound):
        resolve(records, namespace, name)


def test_the_search_list_comes_first_for_short_names() -> None:
    assert candidates("shop", "web")[0] == "web.shop.svc.cluster.local"
    assert candidates("shop", "a.b.c.d.e.f")[0] == "a.b.c.d.e.f"
