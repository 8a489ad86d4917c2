"""DaemonSets: which nodes, which pods, which first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pocketmesh.controllers.daemonset_steps import kept, rolled
from pocketmesh.objects import labels_of, name_of

DAEMONS, REVISIONS = "daemonsets.apps", "controllerrevisions.apps"
NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


def pod(name, state="ready", revision="new"):
    phase = {"failed": "Failed"}.get(state, "Running")
    metadata = {"name": name, "labels": {"controller-revision-hash": revision}}
    if state == "leaving":
        metadata["deletionTimestamp"] = "2026-01-31T12:00:30Z"
    ready = {"type": "Ready", "status": "True" if state in ("ready", "leaving") else "False"}
    return {"metadata": metadata, "status": {"phase": phase, "conditions": [ready]}}


def daemon(surge=0, unavailable=1):
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {
        "metadata": {"name": "d"},
        "spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling}},
    }


def by_node(pods):
    return {node: [pod(*each) for each in present] for node, present in pods.items()}


def read(steps):
    return (sorted(steps.create), sorted(name_of(each) for each in steps.delete))


@pytest.mark.parametrize(
    ("pods", "runs", "expected"),
    [
        pytest.param({}, {"a": True}, (["a"], []), id="a node without one gets one"),
        pytest.param({}, {"a": False}, ([], []), id="a tainted node gets none"),
        pytest.param({"a": [("x",)]}, {"a": False}, ([], []), id="but may keep one"),
        pytest.param({"a": [("x",)]}, {}, ([], ["x"]), id="one on a wrong node goes"),
        pytest.param({"a": [("x", "failed")]}, {"a": True}, ([], ["x"]), id="a failed one goes"),
        pytest.param({"a": [("x", "leaving")]}, {"a": True}, ([], []), id="a leaving one is waited for"),
        pytest.param({"a": [("x",), ("y",)]}, {"a": True}, ([], ["y"]), id="the younger of two goes"),
    ],
)
def test_what_keeps_one_on_each_node(pods, runs, expected):
    assert read(kept(daemon(), by_node(pods), runs, "new")) == expected


OLD = {"a": [("x", "ready", "old")], "b": [("y", "ready", "old")]}


@pytest.mark.parametrize(
    ("strategy", "pods", "expected"),
    [
        pytest.param(daemon(), OLD, ([], ["x"]), id="one at a time"),
        pytest.param(daemon(unavailable=2), OLD, ([], ["x", "y"]), id="two at a time"),
        pytest.param(daemon(unavailable="100%"), OLD, ([], ["x", "y"]), id="all of them"),
        pytest.param(daemon(), {**OLD, "a": [("x", "waiting", "new")]}, ([], []), id="wait for the new one"),
        pytest.param(daemon(), {**OLD, "a": [("x", "waiting", "old")]}, ([], ["x"]), id="a broken one first"),
        pytest.param(daemon(1, 0), OLD, (["a"], []), id="surge: a second one first"),
        pytest.param(
            daemon(1, 0),
            {**OLD, "a": [("x", "ready", "old"), ("z", "waiting", "new")]},
            ([], []),
            id="surge: wait for it",
        ),
        pytest.param(
            daemon(1, 0),
            {"a": [("x", "ready", "old"), ("z", "ready", "new")]},
            ([], ["x"]),
            id="surge: then the old one goes",
        ),
    ],
)
def test_what_an_update_replaces(strategy, pods, expected):
    runs = dict.fromkeys(pods, True)
    assert read(rolled(strategy, by_node(pods), runs, "new", NOW)) == expected


def daemon_set(template, **spec):
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
    }


def test_a_surge_replaces_without_a_gap(world, template):
    world.node()
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    world.create(DAEMONS, daemon_set(template(), updateStrategy=rolling))
    world.run_all()
    world.client.merge(DAEMONS, "default", "web", {"spec": {"template": {"spec": {"hostname": "x"}}}})
    world.settle()
    assert len(world.pods()) == 2
    world.run_all()
    (left,) = world.pods()
    assert left["spec"]["hostname"] == "x"
    assert world.client.get(DAEMONS, "default", "web")["status"]["updatedNumberScheduled"] == 1


def test_on_delete_leaves_the_pods_alone(world, template):
    world.node()
    world.create(DAEMONS, daemon_set(template(), updateStrategy={"type": "OnDelete"}))
    world.run_all()
    before = name_of(world.pods()[0])
    world.client.merge(DAEMONS, "default", "web", {"spec": {"template": {"spec": {"hostname": "x"}}}})
    world.settle()
    world.run_all()
    assert [name_of(each) for each in world.pods()] == [before]
    assert "updatedNumberScheduled" not in world.client.get(DAEMONS, "default", "web")["status"]


def test_pods_and_revisions_carry_the_same_hash(world, template):
    world.node()
    world.create(DAEMONS, daemon_set(template()))
    (revision,), (made,) = world.client.all(REVISIONS), world.pods()
    digest = labels_of(made)["controller-revision-hash"]
    assert labels_of(revision)["controller-revision-hash"] == digest
    assert name_of(revision) == f"web-{digest}"
