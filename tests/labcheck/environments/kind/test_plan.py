from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labcheck.environments.kind import plan
from labcheck.environments.kind.advice import advice
from labcheck.environments.kind.engine import Engine
from labcheck.environments.kind.play import Progression, failed
from labcheck.environments.kind.provider import Kind
from labcheck.environments.kind.versions import versions
from labcheck.errors import EnvironmentTrouble
from labcheck.lab.model import Environment

POD = {
    "kind": "Pod",
    "metadata": {"name": "client", "namespace": "red"},
    "spec": {"containers": [{"image": "a:1"}]},
}


def test_a_clusters_name_is_its_folders_and_short() -> None:
    one, two = (plan.cluster_name(Path(f"/state/{it}"), "lab-03-waypoint-of-a-very-long-name") for it in "ab")
    assert one != two
    assert one.startswith("labcheck-lab-03-waypoint")
    assert len(one) <= 40


def test_every_node_is_marked_as_ours() -> None:
    config = plan.kind_config("labcheck-x", 3, "node:1")
    assert [it["role"] for it in config["nodes"]] == ["control-plane", "worker", "worker"]
    assert all(it["labels"] == {plan.LABEL: "labcheck-x"} for it in config["nodes"])


@pytest.mark.parametrize(
    ("manifest", "images"),
    [
        pytest.param(POD, ["docker.io/library/a:1"], id="Pod"),
        pytest.param(
            {"spec": {"template": {"spec": POD["spec"]}}}, ["docker.io/library/a:1"], id="Deployment"
        ),
        pytest.param(
            {"spec": {"jobTemplate": {"spec": {"template": {"spec": POD["spec"]}}}}},
            ["docker.io/library/a:1"],
            id="CronJob",
        ),
        pytest.param(
            {"spec": {"initContainers": [{"image": "x/y"}], "containers": []}},
            ["docker.io/x/y:latest"],
            id="init",
        ),
        pytest.param({"kind": "Service", "spec": {"ports": []}}, [], id="Service"),
        pytest.param({"kind": "Namespace"}, [], id="Namespace"),
    ],
)
def test_the_images_of_a_setup_are_found(manifest: dict[str, Any], images: list[str]) -> None:
    assert plan.images([manifest, manifest]) == images


def test_what_is_waited_for() -> None:
    assert plan.awaited([POD, {"kind": "Service", "metadata": {"name": "s"}}]) == [
        {"what": "pod/client", "namespace": "red", "condition": "Ready"}
    ]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (Environment(), Environment(), True),
        (Environment(nodes=2), Environment(), False),
        (Environment(istio="ambient"), Environment(), False),
    ],
)
def test_a_shape_is_what_matters_to_a_lab(first: Environment, second: Environment, *, same: bool) -> None:
    assert (plan.shape(first, versions()) == plan.shape(second, versions())) is same


@pytest.mark.parametrize(
    ("said", "next_step"),
    [
        ("Bind for 127.0.0.1:6443 failed: port is already allocated", "chooses another"),
        ('ERROR: node(s) already exist for a cluster with the name "x"', "labcheck down"),
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "Start it, then repeat"),
        ("write /var/lib: no space left on device", "docker system prune"),
        ('could not find a log line that matches "Reached target"', "doctor --provider kind"),
        ("manifest unknown: manifest unknown", "no such image"),
        ("toomanyrequests: You have reached your unauthenticated pull rate limit", "docker login"),
        ("proxyconnect tcp: dial tcp 10.0.0.1:3128", "A proxy is in between"),
        ("dial tcp: lookup registry-1.docker.io: no such host", "HTTPS_PROXY"),
        ("signal: killed", "Memory ran out"),
        ("dial tcp 127.0.0.1:36443: connect: connection refused", "The cluster does not answer"),
        ("The connection to the server 127.0.0.1:36443 was refused - did you", "The cluster does not answer"),
        ('unknown field "spec.foo"', "labcheck lint"),
        ("something new", "doctor --provider kind"),
    ],
)
def test_known_failures_have_their_next_step(said: str, next_step: str) -> None:
    assert next_step in advice(said)


def event(name: str, task: str, host: str = "localhost", **data: Any) -> dict[str, Any]:
    return {"event": name, "pid": 7, "event_data": {"task": task, "host": host, **data}}


def test_events_become_steps_with_their_seconds() -> None:
    told = Progression()
    assert told.hear(event("runner_on_start", "mesh : Install Istio")) == ""
    assert told.lasting(-1) == ["Install Istio"]
    assert (
        told.hear(event("runner_on_ok", "mesh : Install Istio", duration=41.26)) == "Install Istio (41.3 s)"
    )
    assert told.lasting(-1) == []
    assert told.hear(event("runner_on_ok", "images : Load the image", "istio_pilot", duration=1)) == (
        "Load the image istio_pilot (1.0 s)"
    )
    assert told.hear(event("runner_on_ok", "mesh : Look for Istio", duration=1)) == ""
    assert [it["step"] for it in told.steps] == [
        "Install Istio",
        "Load the image istio_pilot",
        "Look for Istio",
    ]


def test_a_failed_step_shows_its_last_lines_and_what_to_do() -> None:
    result = {
        "msg": "non-zero return code",
        "stderr": "\n".join(map(str, range(20))) + "\nno such host",
        "rc": 1,
    }
    error = failed({"task": "cluster : Create the cluster", "host": "localhost", "res": result})
    assert error.fact == "The step `Create the cluster` failed."
    assert error.evidence.splitlines()[-1] == "no such host"
    assert len(error.evidence.splitlines()) == 8
    assert "labcheck logs LAB" in error.next_step


def test_a_program_that_was_killed_had_no_memory() -> None:
    error = failed({"task": "mesh : Install Istio", "res": {"msg": "non-zero return code", "rc": -9}})
    assert "Memory ran out" in error.next_step


def test_a_start_whose_engine_went_away_can_go_on(tmp_path: Path) -> None:
    def gone() -> Engine:
        raise EnvironmentTrouble("No container engine answers.")

    (tmp_path / "name").write_text("labcheck-x")
    assert Kind(connect=gone).abandon(tmp_path)
    assert not Kind(connect=gone).running(tmp_path)
    assert not Kind(connect=gone).gone(tmp_path)
    with pytest.raises(EnvironmentTrouble, match="No container engine answers"):
        Kind(connect=gone).stop(tmp_path)
    assert (tmp_path / "name").exists()
