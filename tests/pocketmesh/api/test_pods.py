"""What a pod is given when it is admitted, and what it may not change afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.api.errors import ApiError

CLASSES = "priorityclasses.scheduling.k8s.io"
MERGE = "application/merge-patch+json"


def pod(**spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "i", **spec.pop("container", {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": {"containers": [container], **spec},
    }


def priority(name: str, value: int, **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "value": value, **fields}


def refused(act: Any, *args: Any, **kwargs: Any) -> ApiError:
    with pytest.raises(ApiError) as raised:
        act(*args, **kwargs)
    return raised.value


def owned(obj: dict[str, Any]) -> set[str]:
    return {
        field.removeprefix("f:")
        for entry in obj["metadata"]["managedFields"]
        for field in entry["fieldsV1"].get("f:spec", {})
    }


def test_a_pod_gets_account_priority_and_tolerations(core):
    spec = core.create("pods", pod())["spec"]
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("default", "default")
    assert (spec["priority"], spec["preemptionPolicy"]) == (0, "PreemptLowerPriority")
    assert [toleration["tolerationSeconds"] for toleration in spec["tolerations"]] == [300, 300]


def test_nobody_owns_what_admission_adds(core):
    fields = owned(core.create("pods", pod()))
    assert {"containers", "dnsPolicy", "enableServiceLinks"} <= fields
    assert not {"serviceAccountName", "priority", "tolerations", "volumes"} & fields


def test_a_toleration_of_ones_own_stays_alone(core):
    own = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}
    tolerations = core.create("pods", pod(tolerations=[own]))["spec"]["tolerations"]
    assert [each["key"].rpartition("/")[2] for each in tolerations] == ["unreachable", "not-ready"]


def test_a_priority_class_gives_its_value(core):
    core.create(CLASSES, priority("high", 1000, preemptionPolicy="Never"))
    spec = core.create("pods", pod(priorityClassName="high"))["spec"]
    assert (spec["priority"], spec["preemptionPolicy"]) == (1000, "Never")


def test_the_default_priority_class_is_named(core):
    core.create(CLASSES, priority("usual", 7, globalDefault=True))
    spec = core.create("pods", pod())["spec"]
    assert (spec["priorityClassName"], spec["priority"]) == ("usual", 7)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"priorityClassName": "none"}, "no PriorityClass with name none was found"),
        (
            {"priority": 5},
            "the integer value of priority (5) must not be provided in pod spec; priority admission "
            "controller computed 0 from the given PriorityClass name",
        ),
    ],
)
def test_a_priority_is_refused(core, spec, why):
    error = refused(core.create, "pods", pod(**spec))
    assert (error.code, error.message) == (403, f'pods "p" is forbidden: {why}')


def test_pull_secrets_come_from_the_account(core):
    account = {"metadata": {"name": "puller", "namespace": "shop"}, "imagePullSecrets": [{"name": "s"}]}
    core.create("serviceaccounts", account)
    assert core.create("pods", pod(serviceAccountName="puller"))["spec"]["imagePullSecrets"] == [
        {"name": "s"}
    ]


def test_a_pod_applied_again_changes_nothing(core):
    before = core.apply("pods", pod())
    core.clock.advance(60)
    assert core.apply("pods", pod()) == before


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"containers": [{"name": "c", "image": "j"}]}, id="the image"),
        pytest.param({"activeDeadlineSeconds": 60}, id="a deadline"),
    ],
)
def test_a_pod_may_change(core, change):
    core.create("pods", pod())
    patch = "application/strategic-merge-patch+json"
    assert core.patch("pods", "p", patch, {"spec": change}, "shop")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(
            {"nodeName": "n"}, "spec: Forbidden: pod updates may not change fields other than", id="node"
        ),
        pytest.param({"hostname": "h"}, '-  "hostname": "h",', id="hostname"),
        pytest.param(
            {"tolerations": []},
            None,
            id="tolerations that admission gives again",
        ),
        pytest.param(
            {"tolerations": [{"key": "other", "operator": "Exists"}]},
            "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationS",
            id="another toleration for the own one",
        ),
    ],
)
def test_of_a_pod_little_changes(core, change, why):
    core.create(
        "pods", pod(tolerations=[{"key": "own", "operator": "Exists"}] if why and "existing" in why else [])
    )
    if why is None:
        assert core.patch("pods", "p", MERGE, {"spec": change}, "shop")
    else:
        assert why in refused(core.patch, "pods", "p", MERGE, {"spec": change}, "shop").message


def test_containers_are_not_added_later(core):
    core.create("pods", pod())
    more = {"spec": {"containers": [{"name": "d", "image": "i"}]}}
    error = refused(core.patch, "pods", "p", "application/strategic-merge-patch+json", more, "shop")
    assert "spec.containers: Forbidden: pod updates may not add or remove containers" in error.message
