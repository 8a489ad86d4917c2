"""Endpoints and EndpointSlices."""

from __future__ import annotations

import pytest

from pocketmesh.controllers.service_endpoints import Backend, Port, in_slices
from pocketmesh.objects import labels_of, name_of

SLICES = "endpointslices.discovery.k8s.io"


def service(name="web", **spec):
    ports = [{"name": "http", "port": 80, "targetPort": "web"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default", "labels": {"team": "a"}},
        "spec": {"selector": {"app": "web"}, "ports": ports, **spec},
    }


def pod(name, port=8080):
    container = {"name": "main", "image": "x", "ports": [{"name": "web", "containerPort": port}]}
    metadata = {"name": name, "namespace": "default", "labels": {"app": "web"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def test_a_ready_pod_stands_behind_its_service(world):
    world.node()
    world.create("services", service())
    world.create("pods", pod("a"))
    world.run_all()
    (found,) = world.client.all(SLICES)
    assert name_of(found).startswith("web-")
    assert labels_of(found)["kubernetes.io/service-name"] == "web"
    assert found["ports"] == [{"name": "http", "protocol": "TCP", "port": 8080}]
    (row,) = found["endpoints"]
    assert row["conditions"] == {"ready": True, "serving": True, "terminating": False}
    assert row["targetRef"]["name"] == "a"
    (subset,) = world.client.get("endpoints", "default", "web")["subsets"]
    assert [address["ip"] for address in subset["addresses"]] == row["addresses"]


def test_a_pod_that_is_not_ready_is_listed_as_such(world):
    world.node()
    world.create("services", service())
    world.create("pods", pod("a"))
    world.run_pod(world.client.get("pods", "default", "a"), ready=False)
    (found,) = world.client.all(SLICES)
    assert found["endpoints"][0]["conditions"]["ready"] is False
    assert "notReadyAddresses" in world.client.get("endpoints", "default", "web")["subsets"][0]


def test_a_service_without_pods_has_an_empty_slice(world):
    world.create("services", service())
    (found,) = world.client.all(SLICES)
    assert not found.get("endpoints")


def test_a_named_port_may_differ_from_pod_to_pod(world):
    world.node()
    world.create("services", service(clusterIP="None"))
    world.create("pods", pod("a", port=8080))
    world.create("pods", pod("b", port=9090))
    world.run_all()
    found = world.client.all(SLICES)
    assert sorted(each["ports"][0]["port"] for each in found) == [8080, 9090]
    assert all("service.kubernetes.io/headless" in labels_of(each) for each in found)


def test_the_slices_go_with_their_service(world):
    world.node()
    world.create("services", service())
    world.create("pods", pod("a"))
    world.run_all()
    world.client.delete("services", "default", "web")
    world.settle()
    assert world.client.all(SLICES) == []
    assert world.client.get("endpoints", "default", "web") is None


def test_relabelling_a_pod_takes_it_out(world):
    world.node()
    world.create("services", service())
    world.create("pods", pod("a"))
    world.run_all()
    world.client.merge("pods", "default", "a", {"metadata": {"labels": {"app": "other"}}})
    world.settle()
    assert not world.client.all(SLICES)[0].get("endpoints")


def conditions(world):
    return world.client.all(SLICES)[0]["endpoints"][0]["conditions"]


def test_a_pod_that_leaves_is_shown_as_such_but_takes_no_traffic(world):
    world.node()
    world.create("services", service())
    world.create("pods", pod("a"))
    world.run_all()
    world.client.delete("pods", "default", "a")
    world.settle()
    assert conditions(world) == {"ready": False, "serving": True, "terminating": True}
    assert "subsets" not in world.client.get("endpoints", "default", "web")


def test_a_service_may_publish_what_is_not_ready(world):
    world.node()
    world.create("services", service(publishNotReadyAddresses=True, clusterIP="None"))
    world.create("pods", pod("a"))
    world.run_pod(world.client.get("pods", "default", "a"), ready=False)
    assert conditions(world) == {"ready": True, "serving": False, "terminating": False}
    assert "addresses" in world.client.get("endpoints", "default", "web")["subsets"][0]


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"selector": None}, id="without selector"),
        pytest.param({"type": "ExternalName", "externalName": "example.com"}, id="for a name elsewhere"),
    ],
)
def test_some_services_have_no_endpoints(world, spec):
    world.create("services", service(**spec))
    assert world.client.all(SLICES) == []
    assert world.client.get("endpoints", "default", "web") is None


def test_a_pod_is_named_in_its_governing_service(world):
    world.node()
    world.create("services", service(clusterIP="None"))
    named = pod("a")
    named["spec"] |= {"hostname": "a", "subdomain": "web"}
    world.create("pods", named)
    world.run_all()
    assert world.client.all(SLICES)[0]["endpoints"][0]["hostname"] == "a"


def test_a_slice_holds_a_hundred():
    port = Port("http", "TCP", 80)
    behind = [Backend(f"10.244.0.{n}", "", "", True, True, False, {}, (port,)) for n in range(250)]
    assert [len(group) for _, group in in_slices([((port,), behind)])] == [100, 100, 50]
    assert [len(group) for _, group in in_slices([((), [])])] == [0]


class TestHandWrittenEndpoints:
    def write(self, world, **labels):
        world.create("services", service(selector=None))
        subset = {
            "addresses": [{"ip": "192.0.2.1"}],
            "notReadyAddresses": [{"ip": "192.0.2.2"}],
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        }
        metadata = {"name": "web", "namespace": "default", "labels": labels}
        body = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": [subset]}
        world.create("endpoints", body)

    def test_they_are_mirrored(self, world):
        self.write(world)
        (found,) = world.client.all(SLICES)
        rows = [(row["addresses"], row["conditions"]["ready"]) for row in found["endpoints"]]
        assert rows == [(["192.0.2.1"], True), (["192.0.2.2"], False)]
        assert labels_of(found)["kubernetes.io/service-name"] == "web"

    def test_the_mirror_follows(self, world):
        self.write(world)
        world.client.merge("endpoints", "default", "web", {"subsets": None})
        world.settle()
        assert world.client.all(SLICES) == []

    def test_they_may_ask_not_to_be(self, world):
        self.write(world, **{"endpointslice.kubernetes.io/skip-mirror": "true"})
        assert world.client.all(SLICES) == []
