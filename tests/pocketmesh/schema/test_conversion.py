from __future__ import annotations

import pytest

from pocketmesh.schema.builtin.conversion import RESOURCE, converted

OLD, NEW = "autoscaling/v1", "autoscaling/v2"


def cpu(share):
    target = {"type": "Utilization", "averageUtilization": share}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


MEMORY = {
    "type": "Resource",
    "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}},
}


def scaler(version, **spec):
    metadata = {"name": "web", "annotations": {"team": "a"}}
    return {"apiVersion": version, "metadata": metadata, "spec": {"maxReplicas": 3, **spec}, "status": {}}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param({"targetCPUUtilizationPercentage": 50}, {"metrics": [cpu(50)]}, id="a share of CPU"),
        pytest.param({}, {"metrics": [cpu(80)]}, id="nothing is 80 %"),
    ],
)
def test_the_old_version_speaks_of_cpu_only(old, new):
    assert converted(RESOURCE, scaler(OLD, **old), NEW) == scaler(NEW, **new)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"metrics": [cpu(50)]}, id="CPU"),
        pytest.param({"metrics": [cpu(50), MEMORY]}, id="CPU and memory"),
        pytest.param({"metrics": [MEMORY]}, id="memory"),
        pytest.param({"metrics": [cpu(1)], "behavior": {"scaleDown": {}}}, id="behaviour"),
    ],
)
def test_nothing_is_lost_on_the_way_there_and_back(spec):
    new = scaler(NEW, **spec)
    new["status"] = {"conditions": [{"type": "AbleToScale"}], "currentReplicas": 1}
    assert converted(RESOURCE, converted(RESOURCE, new, OLD), NEW) == new


def test_other_kinds_differ_in_name_only():
    assert converted("jobs.batch", {"apiVersion": "batch/v1beta1"}, "batch/v1") == {"apiVersion": "batch/v1"}
