"""HorizontalPodAutoscalers of a cluster without metrics."""

from __future__ import annotations

import pytest

from pocketmesh.controllers.hpa import bounded
from pocketmesh.objects import condition

SCALERS = "horizontalpodautoscalers.autoscaling"


@pytest.mark.parametrize(
    ("current", "size", "why"),
    [
        pytest.param(3, 3, "", id="within"),
        pytest.param(9, 5, "Current number of replicas above Spec.MaxReplicas", id="too many"),
        pytest.param(1, 2, "Current number of replicas below Spec.MinReplicas", id="too few"),
    ],
)
def test_bounds(current, size, why):
    assert bounded({"spec": {"minReplicas": 2, "maxReplicas": 5}}, current) == (size, why)


def scaler(name="web", kind="Deployment", **spec):
    target = {"apiVersion": "apps/v1", "kind": kind, "name": name}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 5, **spec},
    }


def said(world, kind):
    return condition(world.client.get(SCALERS, "default", "web"), kind)


MISSING = (
    "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from "
    "resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)"
)


def test_it_says_that_nobody_measures(world, deployment):
    world.create("deployments.apps", deployment(replicas=2))
    world.create(SCALERS, scaler())
    assert said(world, "AbleToScale")["reason"] == "SucceededGetScale"
    active = said(world, "ScalingActive")
    assert (active["status"], active["reason"]) == ("False", "FailedGetResourceMetric")
    assert active["message"] == f"the HPA was unable to compute the replica count: {MISSING}"
    assert world.messages("FailedGetResourceMetric") == [MISSING]
    (why,) = world.messages("FailedComputeMetricsReplicas")
    assert why.startswith(
        "invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value:"
    )
    assert world.client.get(SCALERS, "default", "web")["status"]["currentReplicas"] == 2


def test_it_still_keeps_its_bounds(world, deployment):
    world.create("deployments.apps", deployment(replicas=2))
    world.create(SCALERS, scaler(minReplicas=3))
    assert world.client.get("deployments.apps", "default", "web")["spec"]["replicas"] == 3
    assert said(world, "AbleToScale")["reason"] == "SucceededRescale"
    assert world.messages("SuccessfulRescale") == [
        "New size: 3; reason: Current number of replicas below Spec.MinReplicas"
    ]


def test_a_target_that_is_not_there_is_told(world):
    world.create(SCALERS, scaler("gone"))
    assert said(world, "AbleToScale")["reason"] == "FailedGetScale"
    assert world.messages("FailedGetScale") == ['deployments.apps "gone" not found']
