"""Room on nodes."""

from __future__ import annotations

import pytest

from pocketmesh.controllers.scheduler import summary
from pocketmesh.controllers.scheduler_room import lack

NODES = {
    name: {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "zone": "z"}},
        "status": {"allocatable": {"cpu": "2", "memory": "1Gi", "pods": "3"}},
    }
    for name in ("a", "b")
}


def pod(node="", app="web", port=0, affinity=None, **requests):
    ports = [{"containerPort": 80, "hostPort": port}] if port else []
    container = {"name": "main", "ports": ports, "resources": {"requests": requests}}
    spec = {"containers": [container], "nodeName": node, "affinity": affinity or {}}
    return {"metadata": {"name": "p", "namespace": "default", "labels": {"app": app}}, "spec": spec}


def rule(kind, app, key="kubernetes.io/hostname"):
    term = {"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}}
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


AFFINITY, ANTI = "podAffinity", "podAntiAffinity"
NEAR = "node(s) didn't match pod affinity rules"
APART = "node(s) didn't match pod anti-affinity rules"


@pytest.mark.parametrize(
    ("wanted", "others", "missing"),
    [
        pytest.param(pod(cpu="2"), [], [], id="all of it"),
        pytest.param(pod(cpu="3"), [], ["Insufficient cpu"], id="more than there is"),
        pytest.param(pod(cpu="1"), [pod("a", cpu="1500m")], ["Insufficient cpu"], id="more than is left"),
        pytest.param(pod(cpu="1"), [pod("b", cpu="2")], [], id="taken on another node"),
        pytest.param(pod(cpu="3", memory="2Gi"), [], ["Insufficient cpu", "Insufficient memory"], id="both"),
        pytest.param(pod(), [pod("a")] * 3, ["Too many pods"], id="a full node"),
        pytest.param(
            pod(port=80),
            [pod("a", port=80)],
            ["node(s) didn't have free ports for the requested pod ports"],
            id="a taken port",
        ),
        pytest.param(pod(affinity=rule(ANTI, "web")), [pod("a")], [APART], id="not beside its like"),
        pytest.param(pod(affinity=rule(ANTI, "web")), [pod("b")], [], id="its like is elsewhere"),
        pytest.param(pod(affinity=rule(ANTI, "web", "zone")), [pod("b")], [APART], id="but in the same zone"),
        pytest.param(
            pod(app="new"),
            [pod("a", affinity=rule(ANTI, "new"))],
            ["node(s) didn't satisfy existing pods anti-affinity rules"],
            id="not wanted by who is there",
        ),
        pytest.param(pod(affinity=rule(AFFINITY, "db")), [], [NEAR], id="nobody to be near to"),
        pytest.param(pod(affinity=rule(AFFINITY, "db")), [pod("a", app="db")], [], id="near"),
        pytest.param(pod(affinity=rule(AFFINITY, "web")), [], [], id="the first of those that stay together"),
    ],
)
def test_what_a_node_lacks(wanted, others, missing):
    assert lack(wanted, NODES["a"], others, NODES) == missing


@pytest.mark.parametrize(
    ("refusals", "text"),
    [
        pytest.param([], "no nodes available to schedule pods", id="no nodes"),
        pytest.param(
            [["node(s) were unschedulable"]],
            "0/1 nodes are available: 1 node(s) were unschedulable. no new claims to deallocate, preemption: "
            "0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
            id="hopeless",
        ),
        pytest.param(
            [["Insufficient cpu", "Insufficient memory"], ["Insufficient cpu"]],
            "0/2 nodes are available: 1 Insufficient memory, 2 Insufficient cpu. "
            "no new claims to deallocate, preemption: "
            "0/2 nodes are available: 2 No preemption victims found for incoming pod.",
            id="full",
        ),
    ],
)
def test_the_summary_counts_reasons(refusals, text):
    assert summary(refusals) == text


def test_a_pod_that_waits_for_room_gets_it_when_another_leaves(world):
    world.node()
    node = world.client.get("nodes", "", "node-1")
    world.client.update_status("nodes", {**node, "status": {"allocatable": {"cpu": "1", "pods": "9"}}})
    for name in ("first", "second"):
        container = {"name": "main", "image": "x", "resources": {"requests": {"cpu": "1"}}}
        metadata = {"name": name, "namespace": "default"}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
        world.create("pods", {**body, "spec": {"containers": [container]}})
    assert "1 Insufficient cpu" in world.messages("FailedScheduling")[0]
    world.client.delete("pods", "default", "first", grace=0)
    world.settle()
    assert world.client.get("pods", "default", "second")["spec"]["nodeName"] == "node-1"
