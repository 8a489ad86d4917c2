from __future__ import annotations

import pytest

from pocketmesh.istio.install import objects
from pocketmesh.objects import Object, labels_of, name_of, namespace_of

Key = tuple[str, str, str]


@pytest.fixture(scope="module")
def installed() -> dict[Key, Object]:
    return {(obj["kind"], namespace_of(obj), name_of(obj)): obj for obj in objects()}


@pytest.mark.parametrize(
    ("kind", "name", "component"),
    [
        ("Deployment", "istiod", "Pilot"),
        ("Service", "istiod", "Pilot"),
        ("HorizontalPodAutoscaler", "istiod", "Pilot"),
        ("ConfigMap", "istio", "Pilot"),
        ("ConfigMap", "istio-sidecar-injector", "Pilot"),
        ("ConfigMap", "values", "Pilot"),
        ("DaemonSet", "istio-cni-node", "Cni"),
        ("ConfigMap", "istio-cni-config", "Cni"),
        ("DaemonSet", "ztunnel", "Ztunnel"),
        ("ServiceAccount", "istio-reader-service-account", "Base"),
    ],
)
def test_each_component_has_its_objects(
    installed: dict[Key, Object], kind: str, name: str, component: str
) -> None:
    found = installed[kind, "istio-system", name]
    assert labels_of(found)["operator.istio.io/component"] == component


def test_every_object_but_the_namespace_can_be_found_again_by_its_owner(installed: dict[Key, Object]) -> None:
    unlabelled = [
        key
        for key, obj in installed.items()
        if labels_of(obj).get("operator.istio.io/managed") != "Reconcile"
    ]
    assert unlabelled == [("Namespace", "", "istio-system")]


def test_definitions_and_accounts_come_before_what_needs_them() -> None:
    kinds = [obj["kind"] for obj in objects()]
    assert kinds[0] == "Namespace"
    assert kinds.index("CustomResourceDefinition") < kinds.index("ServiceAccount") < kinds.index("DaemonSet")


def test_no_workload_of_the_installation_is_in_the_mesh_itself(installed: dict[Key, Object]) -> None:
    workloads = [obj for (kind, _, _), obj in installed.items() if kind in {"Deployment", "DaemonSet"}]
    modes = [obj["spec"]["template"]["metadata"]["labels"]["istio.io/dataplane-mode"] for obj in workloads]
    assert modes == ["none"] * 3


def test_the_workloads_run_the_version_that_this_cluster_speaks_for(installed: dict[Key, Object]) -> None:
    istiod = installed["Deployment", "istio-system", "istiod"]
    image = istiod["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == "registry.istio.io/release/pilot:1.30.3-distroless"
