from __future__ import annotations

from typing import Any

import pytest

from labcheck.kube.readiness import lacking

GROUPS = {
    "Pod": "v1",
    "ConfigMap": "v1",
    "Gateway": "gateway.networking.k8s.io/v1",
    "Gateway of Istio's": "networking.istio.io/v1",
}


def obj(kind: str, status: dict[str, Any], generation: int = 1, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": GROUPS.get(kind, "apps/v1"),
        "kind": kind.split(maxsplit=1)[0],
        "metadata": {"generation": generation},
        "spec": spec,
        "status": status,
    }


def programmed(status: str) -> dict[str, Any]:
    return {"conditions": [{"type": "Accepted", "status": "True"}, {"type": "Programmed", "status": status}]}


READY = {"conditions": [{"type": "Ready", "status": "True"}]}
WAITING = {
    "phase": "Pending",
    "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no image x"}}}],
}


@pytest.mark.parametrize(
    ("found", "lacks"),
    [
        pytest.param(obj("Pod", READY), "", id="a pod that is ready"),
        pytest.param(obj("Pod", {"phase": "Succeeded"}), "", id="a pod that is done"),
        pytest.param(obj("Pod", WAITING), "ImagePullBackOff: no image x", id="a pod without its image"),
        pytest.param(obj("Pod", {}), "not started", id="a pod without status"),
        pytest.param(
            obj(
                "Deployment",
                {"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": 2},
                replicas=2,
            ),
            "",
            id="a deployment that is ready",
        ),
        pytest.param(
            obj(
                "Deployment",
                {"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": 1},
                replicas=2,
            ),
            "1 of 2 replicas ready",
            id="a deployment half ready",
        ),
        pytest.param(
            obj(
                "Deployment",
                {"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1},
                generation=2,
            ),
            "not seen by its controller",
            id="a deployment whose change was not seen",
        ),
        pytest.param(
            obj("StatefulSet", {"observedGeneration": 1}), "0 of 1 replicas ready", id="a stateful set"
        ),
        pytest.param(
            obj("DaemonSet", {"observedGeneration": 1, "desiredNumberScheduled": 1, "numberReady": 1}),
            "",
            id="a daemon set",
        ),
        pytest.param(obj("Gateway", programmed("Unknown")), "not programmed", id="a gateway"),
        pytest.param(obj("Gateway", programmed("True")), "", id="a gateway that is programmed"),
        pytest.param(obj("Gateway of Istio's", {}), "", id="a gateway of Istio's own"),
        pytest.param(obj("ConfigMap", {}), "", id="what needs no time"),
    ],
)
def test_what_an_object_lacks(found: dict[str, Any], lacks: str) -> None:
    assert lacking(found) == lacks
