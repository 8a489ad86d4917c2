"""StatefulSets: order, revisions, partitions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pocketmesh.controllers.statefulset_steps import Create, Delete, steps
from pocketmesh.objects import annotations_of, labels_of, name_of

SETS, REVISIONS = "statefulsets.apps", "controllerrevisions.apps"
CLAIMS = "persistentvolumeclaims"
NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


def pod(number, state="ready", revision="new"):
    """A pod that is ready, waiting, failed or leaving."""
    phase = {"failed": "Failed", "waiting": "Pending"}.get(state, "Running")
    ready = "True" if state in ("ready", "leaving") else "False"
    metadata = {"name": f"web-{number}", "labels": {"controller-revision-hash": revision}}
    if state == "leaving":
        metadata["deletionTimestamp"] = "2026-01-31T12:00:30Z"
    return {
        "metadata": metadata,
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]},
    }


def read(found):
    """`+1` makes pod 1, `+1 (old)` of the old revision, `-1` removes it."""
    return [
        f"+{step.ordinal}{'' if step.updated else ' (old)'}"
        if isinstance(step, Create)
        else f"-{name_of(step.pod).removeprefix('web-')}"
        for step in found
        if isinstance(step, Create | Delete)
    ]


PARALLEL = {"podManagementPolicy": "Parallel"}


@pytest.mark.parametrize(
    ("spec", "pods", "expected"),
    [
        pytest.param({}, {}, ["+0"], id="the first one"),
        pytest.param({}, {0: ("waiting",)}, [], id="the second waits for the first"),
        pytest.param({}, {0: ("ready",)}, ["+1"], id="the second"),
        pytest.param({}, {0: ("failed",), 1: ("ready",)}, ["-0"], id="a failed one is replaced"),
        pytest.param({}, {0: ("leaving",)}, [], id="one that leaves is waited for"),
        pytest.param(
            {"replicas": 1}, {0: ("ready",), 1: ("ready",), 2: ("ready",)}, ["-2"], id="from the top"
        ),
        pytest.param(
            {"replicas": 1}, {0: ("ready",), 1: ("ready",), 2: ("leaving",)}, [], id="one at a time"
        ),
        pytest.param(
            {"replicas": 0}, {0: ("ready",), 1: ("waiting",)}, ["-1"], id="the unhealthy one may go"
        ),
        pytest.param(
            {"replicas": 0}, {0: ("waiting",), 1: ("waiting",)}, [], id="the lowest unhealthy one first"
        ),
        pytest.param(PARALLEL, {}, ["+0", "+1", "+2"], id="parallel makes all"),
        pytest.param(
            {**PARALLEL, "replicas": 1}, dict.fromkeys(range(3), ("ready",)), ["-2", "-1"], id="and ends all"
        ),
        pytest.param({"ordinals": {"start": 5}}, {}, ["+5"], id="numbers that start later"),
        pytest.param(
            {}, dict.fromkeys(range(3), ("ready", "old")), ["-2"], id="the update begins at the top"
        ),
        pytest.param(
            {},
            {0: ("ready", "old"), 1: ("ready", "old"), 2: ("ready",)},
            ["-1"],
            id="and goes down when ready",
        ),
        pytest.param(
            {"updateStrategy": {"type": "OnDelete"}},
            dict.fromkeys(range(3), ("ready", "old")),
            [],
            id="not by itself",
        ),
        pytest.param(
            {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}},
            {0: ("ready", "old"), 1: ("ready", "old"), 2: ("ready",)},
            [],
            id="not below the partition",
        ),
        pytest.param(
            {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}},
            {0: ("ready", "old")},
            ["+1 (old)"],
            id="below the partition new pods are old ones",
        ),
    ],
)
def test_steps(spec, pods, expected):
    owner = {"metadata": {"name": "web"}, "spec": {"replicas": 3, **spec}}
    found = {number: pod(number, *state) for number, state in pods.items()}
    assert read(steps(owner, found, "new", NOW)) == expected


def stateful_set(template, **spec):
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "serviceName": "web",
            "template": template,
            **spec,
        },
    }


def test_a_pod_is_known_by_its_name_in_the_service(world, template):
    world.node()
    world.create(SETS, stateful_set(template()))
    (made,) = world.pods()
    assert (made["spec"]["hostname"], made["spec"]["subdomain"]) == ("web-0", "web")
    assert labels_of(made)["statefulset.kubernetes.io/pod-name"] == "web-0"
    assert world.messages("SuccessfulCreate") == ["Create Pod web-0 in StatefulSet web successful"]


def test_a_revision_remembers_the_template_in_a_patch(world, template):
    world.node()
    world.create(SETS, stateful_set(template("busybox:7")))
    (revision,) = world.client.all(REVISIONS)
    assert revision["revision"] == 1
    remembered = revision["data"]["spec"]["template"]
    assert remembered["$patch"] == "replace"
    assert remembered["spec"]["containers"][0]["image"] == "busybox:7"


def test_an_update_ends_with_the_new_revision_current(world, template):
    world.node()
    world.create(SETS, stateful_set(template(), replicas=2))
    world.run_all()
    first = world.client.get(SETS, "default", "web")["status"]["currentRevision"]
    world.client.merge(SETS, "default", "web", {"spec": {"template": {"spec": {"hostNetwork": True}}}})
    world.settle()
    during = world.client.get(SETS, "default", "web")["status"]
    assert during["currentRevision"] == first != during["updateRevision"]
    world.run_all()
    after = world.client.get(SETS, "default", "web")["status"]
    assert after["currentRevision"] == after["updateRevision"] != first
    assert (after["currentReplicas"], after["updatedReplicas"]) == (2, 2)
    assert [each["revision"] for each in world.client.all(REVISIONS) if name_of(each) != first] == [2]


def test_going_back_renumbers_the_revision(world, template):
    world.node()
    world.create(SETS, stateful_set(template("busybox:1")))
    for image in ("busybox:2", "busybox:1"):
        world.run_all()
        change = {"containers": [{"name": "main", "image": image}]}
        world.client.merge(SETS, "default", "web", {"spec": {"template": {"spec": change}}})
        world.settle()
    images = {
        each["revision"]: each["data"]["spec"]["template"]["spec"]["containers"][0]["image"]
        for each in world.client.all(REVISIONS)
    }
    assert images == {2: "busybox:2", 3: "busybox:1"}


def test_a_revision_keeps_its_cause(world, template):
    world.node()
    wanted = stateful_set(template())
    wanted["metadata"]["annotations"] = {"kubernetes.io/change-cause": "first"}
    world.create(SETS, wanted)
    (revision,) = world.client.all(REVISIONS)
    assert annotations_of(revision) == {"kubernetes.io/change-cause": "first"}


@pytest.fixture
def with_claims(world, template):
    """Makes a StatefulSet of two pods that keep data, and runs them."""

    def make(**spec):
        world.node()
        claim = {
            "metadata": {"name": "data", "labels": {"kept": "yes"}},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
        for name in ("one", "two"):
            disk = {
                "accessModes": ["ReadWriteOnce"],
                "capacity": {"storage": "1Gi"},
                "hostPath": {"path": f"/mnt/{name}"},
            }
            volume = {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": name},
                "spec": disk,
            }
            world.create("persistentvolumes", {**volume, "spec": disk})
        mounting = template()
        mounting["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        world.create(SETS, stateful_set(mounting, volumeClaimTemplates=[claim], replicas=2, **spec))
        world.run_all()

    return make


def claim_names(world):
    return [name_of(claim) for claim in world.client.all(CLAIMS)]


def test_every_pod_has_its_claims(world, with_claims):
    with_claims()
    assert claim_names(world) == ["data-web-0", "data-web-1"]
    assert labels_of(world.client.all(CLAIMS)[0]) == {"kept": "yes", "app": "web"}
    (first, _) = world.pods()
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}} in first["spec"]["volumes"]
    said = world.messages("SuccessfulCreate")
    assert "create Claim data-web-0 Pod web-0 in StatefulSet web success" in said


@pytest.mark.parametrize(
    ("policy", "change", "left"),
    [
        pytest.param({}, "scale", ["data-web-0", "data-web-1"], id="fewer pods, all claims"),
        pytest.param({}, "delete", ["data-web-0", "data-web-1"], id="no set, all claims"),
        pytest.param({"whenScaled": "Delete"}, "scale", ["data-web-0"], id="fewer pods, fewer claims"),
        pytest.param({"whenDeleted": "Delete"}, "delete", [], id="no set, no claims"),
    ],
)
def test_claims_stay_unless_the_set_says_otherwise(world, with_claims, policy, change, left):
    with_claims(persistentVolumeClaimRetentionPolicy=policy)
    if change == "scale":
        world.client.merge(SETS, "default", "web", {"spec": {"replicas": 1}})
    else:
        world.client.delete(SETS, "default", "web")
    world.settle()
    world.run_all()
    assert claim_names(world) == left
