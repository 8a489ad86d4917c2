"""Endpoints and EndpointSlices."""

from __future__ import annotations

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
