"""PodDisruptionBudgets, and evictions that spend them."""

from __future__ import annotations

import pytest

from pocketmesh.api.calls import Caller, Write
from pocketmesh.api.errors import ApiError
from pocketmesh.controllers.pdb import desired_healthy
from pocketmesh.objects import condition, name_of

BUDGETS = "poddisruptionbudgets.policy"


@pytest.mark.parametrize(
    ("spec", "expected", "desired"),
    [
        pytest.param({"minAvailable": 2}, 3, 2, id="a number"),
        pytest.param({"minAvailable": "50%"}, 3, 2, id="a share rounds up"),
        pytest.param({"maxUnavailable": 1}, 3, 2, id="all but one"),
        pytest.param({"maxUnavailable": "30%"}, 4, 2, id="what may be missing rounds up too"),
        pytest.param({"maxUnavailable": 5}, 3, 0, id="never below nothing"),
    ],
)
def test_how_many_must_stay(spec, expected, desired):
    assert desired_healthy({"spec": spec}, expected) == desired


def budget(**spec):
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
    }


def running(world, deployment, replicas=3):
    world.node()
    world.create("deployments.apps", deployment(replicas=replicas))
    world.run_all()


def status(world):
    return world.client.get(BUDGETS, "default", "web")["status"]


def evict(world, name):
    pods = world.registry.kinds.stored("pods")
    write = Write(Caller("tester"), "tester")
    world.registry.create(pods, "default", {}, write, subresource="eviction", name=name)


def refusal(world, name):
    with pytest.raises(ApiError) as refused:
        evict(world, name)
    return refused.value


def test_the_status_counts_what_may_go(world, deployment):
    running(world, deployment)
    world.create(BUDGETS, budget(maxUnavailable=1))
    found = status(world)
    counts = ("expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed")
    assert [found[field] for field in counts] == [3, 3, 2, 1]
    assert condition({"status": found}, "DisruptionAllowed")["reason"] == "SufficientPods"


def test_a_granted_eviction_is_spent_at_once(world, deployment):
    running(world, deployment)
    world.create(BUDGETS, budget(minAvailable=2))
    first, second, _ = (name_of(pod) for pod in world.pods())
    evict(world, first)
    refused = refusal(world, second)
    assert (refused.code, refused.reason) == (429, "TooManyRequests")
    assert refused.message == "Cannot evict pod as it would violate the pod's disruption budget."
    evicted = world.client.get("pods", "default", first)
    assert condition(evicted, "DisruptionTarget")["reason"] == "EvictionByEvictionAPI"


def test_the_refusal_names_the_budget_and_its_numbers(world, deployment):
    running(world, deployment)
    world.create(BUDGETS, budget(minAvailable=3))
    (cause,) = refusal(world, name_of(world.pods()[0])).details["causes"]
    assert cause["message"] == "The disruption budget web needs 3 healthy pods and has 3 currently"


def test_the_budget_recovers_with_the_replacement(world, deployment):
    running(world, deployment)
    world.create(BUDGETS, budget(minAvailable=2))
    evict(world, name_of(world.pods()[0]))
    world.settle()
    assert status(world)["disruptionsAllowed"] == 0
    world.run_all()
    assert status(world)["disruptionsAllowed"] == 1
    assert "disruptedPods" not in status(world)


def test_a_pod_that_does_not_run_may_always_go(world, deployment):
    world.node()
    world.create("deployments.apps", deployment(replicas=1))
    world.create(BUDGETS, budget(minAvailable=1))
    (pod,) = world.pods()
    evict(world, name_of(pod))
    world.settle()
    assert name_of(pod) not in [
        name_of(each) for each in world.pods() if "deletionTimestamp" not in each["metadata"]
    ]


def test_no_pods_are_told_of(world):
    world.create(BUDGETS, budget(minAvailable=1))
    assert world.messages("NoPods") == ["No matching pods found"]


def test_pods_of_a_controller_without_a_scale_allow_nothing(world, template):
    world.node()
    daemon = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "d", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template()},
    }
    world.create("daemonsets.apps", daemon)
    world.create(BUDGETS, budget(maxUnavailable=1))
    said = condition({"status": status(world)}, "DisruptionAllowed")
    assert said["reason"] == "SyncFailed"
    assert said["message"] == "daemonsets.apps does not implement the scale subresource"
