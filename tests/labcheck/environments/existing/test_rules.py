from __future__ import annotations

from typing import Any

import pytest

from labcheck.environments.existing.rules import Right, looks_like_production, misplaced, namespaces, rights
from labcheck.kube import Kind

KINDS = [
    Kind("", "v1", "Namespace", "namespaces", "namespace", (), namespaced=False),
    Kind("", "v1", "Pod", "pods", "pod", (), namespaced=True),
    Kind("apps", "v1", "Deployment", "deployments", "deployment", (), namespaced=True),
    Kind(
        "scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", "priorityclass", (), namespaced=False
    ),
]


def obj(api_version: str, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


SETUP = [obj("v1", "Namespace", "red"), obj("apps/v1", "Deployment", "web", "red")]


@pytest.mark.parametrize(
    ("context", "cluster", "server", "why"),
    [
        ("kind-labs", "kind-labs", "https://127.0.0.1:6443", ""),
        ("minikube", "minikube", "https://192.168.49.2:8443", ""),
        ("product-demo", "product-demo", "https://10.0.0.1", ""),
        ("delivery", "olive", "https://10.0.0.1", ""),
        ("team-prod-1", "c", "https://10.0.0.1", "its context is called team-prod-1"),
        ("x", "PRODUCTION", "https://10.0.0.1", "its cluster is called PRODUCTION"),
        ("x", "c", "https://api.prd.example.org", "its server is called https://api.prd.example.org"),
        ("dev", "c", "https://AB.gr7.eu-west-1.eks.amazonaws.com", "it is run by Amazon EKS"),
        ("gke_team_zone_dev", "c", "https://34.1.2.3", "it is run by Google GKE"),
    ],
)
def test_what_looks_like_production(context: str, cluster: str, server: str, why: str) -> None:
    assert looks_like_production(context, cluster, server) == why


@pytest.mark.parametrize(
    ("extra", "found"),
    [
        pytest.param([], [], id="all at home"),
        pytest.param([obj("v1", "Pod", "p")], ["Pod default/p"], id="no namespace"),
        pytest.param([obj("v1", "Pod", "p", "istio-system")], ["Pod istio-system/p"], id="Istio's namespace"),
        pytest.param(
            [obj("scheduling.k8s.io/v1", "PriorityClass", "high")], ["PriorityClass high"], id="cluster-wide"
        ),
    ],
)
def test_what_lies_outside_is_found(extra: list[dict[str, Any]], found: list[str]) -> None:
    assert misplaced([*SETUP, *extra], KINDS) == found


def test_the_rights_are_those_that_the_setup_and_the_grader_take() -> None:
    found = rights(SETUP, KINDS)
    assert namespaces(SETUP) == ["red"]
    assert Right("patch", "apps", "deployments", "red") in found
    assert Right("create", "", "namespaces") in found
    assert Right("create", "", "serviceaccounts/token", "labcheck-system") in found
    assert len(found) == len(set(found))


def test_a_right_is_said_as_kubectl_would() -> None:
    assert str(Right("patch", "apps", "deployments", "red")) == "patch deployments.apps in red"
    assert str(Right("create", "", "namespaces")) == "create namespaces"
