from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.istio.cni import enrolled

MODE = "istio.io/dataplane-mode"


def pod(mode: str = "", namespace: str = "app", **more: Any) -> dict[str, Any]:
    labels = {MODE: mode} if mode else {}
    annotations = {"sidecar.istio.io/status": "{}"} if more.get("sidecar") else {}
    meta = {"name": "web", "namespace": namespace, "labels": labels, "annotations": annotations}
    return {"metadata": meta, "spec": {"hostNetwork": True} if more.get("host") else {}}


@pytest.mark.parametrize(
    ("given", "namespace_mode", "expected"),
    [
        pytest.param(pod(), "", False, id="nobody asks"),
        pytest.param(pod(), "ambient", True, id="the namespace asks"),
        pytest.param(pod(), "none", False, id="the namespace says none"),
        pytest.param(pod("ambient"), "", True, id="the pod asks"),
        pytest.param(pod("ambient"), "none", True, id="the pod wins over its namespace"),
        pytest.param(pod("none"), "ambient", False, id="the pod opts out"),
        pytest.param(pod("other"), "ambient", True, id="a meaningless label changes nothing"),
        pytest.param(pod(sidecar=True), "ambient", False, id="a sidecar wins"),
        pytest.param(pod(host=True), "ambient", False, id="on the host's network"),
        pytest.param(pod("ambient", "kube-system"), "ambient", False, id="excluded namespace"),
    ],
)
def test_a_pod_is_enrolled_by_its_label_then_by_its_namespace(
    given: dict[str, Any], namespace_mode: str, expected: bool
) -> None:
    namespace = {"metadata": {"labels": {MODE: namespace_mode} if namespace_mode else {}}}
    assert enrolled(given, namespace) is expected
