from __future__ import annotations

import pytest

from pocketmesh.controllers.loadbalancer import addresses, chosen


@pytest.mark.parametrize(
    ("asked", "taken", "address"),
    [
        pytest.param("", set(), "172.18.255.1", id="the first"),
        pytest.param("", {"172.18.255.1"}, "172.18.255.2", id="the next"),
        pytest.param("192.0.2.7", set(), "192.0.2.7", id="the one that is asked for"),
        pytest.param("192.0.2.7", {"192.0.2.7"}, "172.18.255.1", id="unless it is taken"),
        pytest.param("home", set(), "172.18.255.1", id="or none at all"),
        pytest.param("", {f"172.18.255.{n}" for n in range(1, 255)}, "", id="none left"),
    ],
)
def test_which_address(asked, taken, address):
    assert chosen(asked, taken) == address


def balanced(**spec):
    ports = [{"port": 80}]
    metadata = {"name": "web", "namespace": "default"}
    body = {"apiVersion": "v1", "kind": "Service", "metadata": metadata}
    return {**body, "spec": {"type": "LoadBalancer", "ports": ports, **spec}}


def service(world):
    return world.client.get("services", "default", "web")


def test_it_gets_an_address_and_says_so(world):
    world.create("services", balanced())
    assert service(world)["status"]["loadBalancer"] == {"ingress": [{"ip": "172.18.255.1", "ipMode": "VIP"}]}
    assert world.messages("EnsuredLoadBalancer") == ["Ensured load balancer"]


def test_a_class_of_its_own_is_somebody_elses(world):
    world.create("services", balanced(loadBalancerClass="example.com/other"))
    assert addresses(service(world)) == []


def test_another_type_gives_the_address_back(world):
    world.create("services", balanced())
    world.client.merge("services", "default", "web", {"spec": {"type": "ClusterIP"}})
    world.settle()
    assert service(world)["status"] == {"loadBalancer": {}}
    assert "finalizers" not in service(world)["metadata"]


def test_it_can_be_deleted(world):
    world.create("services", balanced())
    world.client.delete("services", "default", "web")
    world.settle()
    assert service(world) is None
