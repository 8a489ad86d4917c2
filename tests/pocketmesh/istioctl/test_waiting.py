from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.istioctl.waiting import not_ready, seconds


def deployment(generation: int = 2, **status: int) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"generation": generation},
        "spec": {"replicas": 1},
        "status": status,
    }


def daemon_set(**status: int) -> dict[str, Any]:
    return {"kind": "DaemonSet", "metadata": {"generation": 1}, "status": {"observedGeneration": 1, **status}}


@pytest.mark.parametrize(
    ("obj", "ready"),
    [
        (deployment(observedGeneration=2, updatedReplicas=1, readyReplicas=1), True),
        (deployment(observedGeneration=1, updatedReplicas=1, readyReplicas=1), False),
        (deployment(observedGeneration=2, updatedReplicas=0, readyReplicas=1), False),
        (deployment(), False),
        (daemon_set(desiredNumberScheduled=1, numberReady=1, updatedNumberScheduled=1), True),
        (daemon_set(desiredNumberScheduled=0, numberReady=0), False),
        (daemon_set(desiredNumberScheduled=2, numberReady=1, updatedNumberScheduled=2), False),
        ({"kind": "CustomResourceDefinition", "metadata": {}}, False),
        ({"kind": "ConfigMap", "metadata": {}}, True),
    ],
)
def test_what_is_ready(obj: dict[str, Any], ready: bool) -> None:
    assert (not_ready(obj) == "") is ready


@pytest.mark.parametrize(("text", "length"), [("90s", 90), ("1m30s", 90), ("300", 300), ("1.5h", 5400)])
def test_durations_are_read_as_go_does(text: str, length: float) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "soon", "5 s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        seconds(text)
