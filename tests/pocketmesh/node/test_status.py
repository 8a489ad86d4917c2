from __future__ import annotations

import pytest

from pocketmesh.node.environment import expand, service_links
from pocketmesh.node.status import ContainerState, phase, pod_status


def running():
    return ContainerState("c", "i", state={"running": {}}, ready=True, started=True)


def ended(code):
    return ContainerState("c", "i", state={"terminated": {"exitCode": code}})


def backing_off(code):
    last = {"terminated": {"exitCode": code}}
    return ContainerState("c", "i", state={"waiting": {"reason": "CrashLoopBackOff"}}, last=last)


def waiting():
    return ContainerState("c", "i")


@pytest.mark.parametrize(
    ("init", "main", "restart", "expected"),
    [
        pytest.param([], [waiting()], "Always", "Pending", id="not started"),
        pytest.param([], [running()], "Always", "Running", id="running"),
        pytest.param([], [running(), waiting()], "Always", "Pending", id="one of two not started"),
        pytest.param([], [backing_off(1)], "Always", "Running", id="crash loop"),
        pytest.param([], [ended(0)], "Always", "Running", id="about to be restarted"),
        pytest.param([], [ended(0)], "Never", "Succeeded", id="good end"),
        pytest.param([], [ended(0), ended(1)], "Never", "Failed", id="one bad end"),
        pytest.param([], [ended(1)], "OnFailure", "Running", id="will be tried again"),
        pytest.param([], [ended(0), running()], "Never", "Running", id="one still runs"),
        pytest.param([running()], [waiting()], "Always", "Pending", id="initializing"),
        pytest.param([ended(0)], [running()], "Always", "Running", id="initialized"),
        pytest.param([ended(1)], [waiting()], "Never", "Failed", id="initializing failed"),
    ],
)
def test_phase(init, main, restart, expected):
    assert phase(init, main, restart) == expected


def test_a_status_that_says_the_same_is_the_same():
    pod = {"metadata": {"generation": 1}, "spec": {}, "status": {"qosClass": "BestEffort"}}
    first = pod_status(pod, [], [running()], ip="10.0.0.1", host_ip="172.18.0.2", now="2026-01-01T00:00:00Z")
    later = pod_status(
        {**pod, "status": first},
        [],
        [running()],
        ip="10.0.0.1",
        host_ip="172.18.0.2",
        now="2026-01-01T00:01:00Z",
    )
    assert later == first


def test_what_is_not_ready_is_named_and_the_transition_dated():
    pod = {"metadata": {}, "spec": {}}
    ready = pod_status(pod, [], [running()], ip="i", host_ip="h", now="t1")
    unready = pod_status({**pod, "status": ready}, [], [waiting()], ip="i", host_ip="h", now="t2")
    entry = next(entry for entry in unready["conditions"] if entry["type"] == "Ready")
    assert entry == {
        "lastTransitionTime": "t2",
        "type": "Ready",
        "status": "False",
        "reason": "ContainersNotReady",
        "message": "containers with unready status: [c]",
    }


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        pytest.param("$(A)/x", "1/x", id="known"),
        pytest.param("$(B)", "$(B)", id="unknown"),
        pytest.param("$$(A)", "$(A)", id="escaped"),
        pytest.param("$A", "$A", id="the shell's"),
    ],
)
def test_references_in_values(text, expanded):
    assert expand(text, {"A": "1"}) == expanded


def test_services_are_in_the_environment():
    service = {
        "metadata": {"name": "my-web", "namespace": "shop"},
        "spec": {"clusterIP": "10.96.0.9", "ports": [{"name": "http", "port": 80}]},
    }
    links = service_links([service], "shop", everything=True)
    assert links["MY_WEB_SERVICE_HOST"] == "10.96.0.9"
    assert links["MY_WEB_PORT_80_TCP"] == "tcp://10.96.0.9:80"
    assert service_links([service], "other", everything=True) == {}
    assert service_links([service], "shop", everything=False) == {}
