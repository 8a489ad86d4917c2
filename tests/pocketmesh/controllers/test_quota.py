from __future__ import annotations

import pytest

from pocketmesh.api.quota import used as used_of


def pod(phase="Running", **resources):
    container = {"name": "main", "resources": resources}
    return {"spec": {"containers": [container]}, "status": {"phase": phase, "qosClass": "Burstable"}}


OBJECTS = {
    "pods": [
        pod(requests={"cpu": "250m", "memory": "64Mi"}, limits={"memory": "128Mi"}),
        pod(requests={"cpu": "1", "memory": "64Mi"}),
        pod("Succeeded", requests={"cpu": "8"}),
    ],
    "services": [
        {"spec": {"type": "NodePort", "ports": [{}, {}]}},
        {"spec": {"type": "LoadBalancer", "ports": [{}]}},
        {"spec": {}},
    ],
    "deployments.apps": [{}, {}],
}


@pytest.mark.parametrize(
    ("name", "used"),
    [
        pytest.param("pods", "2", id="pods that are not over"),
        pytest.param("cpu", "1250m", id="cpu means requests"),
        pytest.param("requests.memory", "128Mi", id="requests"),
        pytest.param("limits.memory", "128Mi", id="limits"),
        pytest.param("limits.cpu", "0", id="nothing"),
        pytest.param("services", "3", id="objects"),
        pytest.param("services.nodeports", "3", id="node ports"),
        pytest.param("services.loadbalancers", "1", id="load balancers"),
        pytest.param("count/deployments.apps", "2", id="any resource"),
        pytest.param("unheard.of", "", id="unknown"),
    ],
)
def test_what_is_used_is_counted_from_the_objects(name, used):
    found = used_of({"spec": {"hard": {name: "9"}}}, lambda resource: OBJECTS.get(resource, []))
    assert found == ({name: used} if used else {})


def test_the_status_follows_the_objects(world):
    metadata = {"name": "q", "namespace": "default"}
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": metadata,
        "spec": {"hard": {"secrets": "5"}},
    }
    world.create("resourcequotas", quota)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}}
    world.create("secrets", secret)
    status = world.client.get("resourcequotas", "default", "q")["status"]
    assert status == {"hard": {"secrets": "5"}, "used": {"secrets": "1"}}
