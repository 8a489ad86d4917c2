from __future__ import annotations

from typing import Any

from pocketmesh.istio.gateway_api.classes import CONTROLLER, INFOS, MESH_CONTROLLER
from pocketmesh.istio.istiod.deployment import generated
from pocketmesh.istio.settings import Settings

Object = dict[str, Any]

SETTINGS = Settings()


def gateway(class_name: str, *listeners: Object, **metadata: Any) -> Object:
    return {
        "metadata": {"namespace": "ns", "name": "wp", "uid": "u-1", **metadata},
        "spec": {"gatewayClassName": class_name, "listeners": list(listeners)},
    }


def of_kind(kind: str, objects: list[Object]) -> Object:
    return next(obj for obj in objects if obj["kind"] == kind)


WAYPOINT = gateway("istio-waypoint", {"name": "mesh", "port": 15008, "protocol": "HBONE"})
INGRESS = gateway("istio", {"name": "http", "port": 80, "protocol": "HTTP"})


def test_a_waypoint_gets_an_account_a_deployment_and_a_service_of_its_own_name() -> None:
    objects = generated(WAYPOINT, INFOS[MESH_CONTROLLER], SETTINGS)
    assert [(obj["kind"], obj["metadata"]["name"]) for obj in objects] == [
        ("ServiceAccount", "wp"),
        ("Deployment", "wp"),
        ("Service", "wp"),
    ]


def test_everything_goes_when_the_gateway_goes() -> None:
    owners = [
        obj["metadata"]["ownerReferences"] for obj in generated(WAYPOINT, INFOS[MESH_CONTROLLER], SETTINGS)
    ]
    owner = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "name": "wp", "uid": "u-1"}
    assert owners == [[owner]] * 3


def test_a_waypoints_service_takes_hbone_inside_the_cluster() -> None:
    service = of_kind("Service", generated(WAYPOINT, INFOS[MESH_CONTROLLER], SETTINGS))
    assert service["spec"]["type"] == "ClusterIP"
    assert service["spec"]["ports"] == [
        {"name": "status-port", "port": 15021, "protocol": "TCP", "appProtocol": "tcp"},
        {"name": "mesh", "port": 15008, "protocol": "TCP", "appProtocol": "hbone"},
    ]


def test_an_ingress_gateway_has_a_suffix_and_a_load_balancer() -> None:
    service = of_kind("Service", generated(INGRESS, INFOS[CONTROLLER], SETTINGS))
    assert (service["metadata"]["name"], service["spec"]["type"]) == ("wp-istio", "LoadBalancer")


def test_the_gateways_own_labels_reach_its_pods_but_never_its_place_in_the_mesh() -> None:
    labelled = gateway("istio-waypoint", labels={"istio.io/waypoint-for": "all", "team": "blue"})
    pod = of_kind("Deployment", generated(labelled, INFOS[MESH_CONTROLLER], SETTINGS))["spec"]["template"]
    assert pod["metadata"]["labels"]["team"] == "blue"
    assert pod["metadata"]["labels"]["istio.io/dataplane-mode"] == "none"


def test_what_kubectl_remembers_about_the_gateway_is_not_copied() -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "kept"}
    copied = generated(gateway("istio-waypoint", annotations=annotations), INFOS[MESH_CONTROLLER], SETTINGS)
    assert of_kind("ServiceAccount", copied)["metadata"]["annotations"] == {"note": "kept"}


def test_an_account_that_the_gateway_names_is_not_generated() -> None:
    named = gateway("istio-waypoint", annotations={"gateway.istio.io/service-account": "theirs"})
    objects = generated(named, INFOS[MESH_CONTROLLER], SETTINGS)
    assert [obj["kind"] for obj in objects] == ["Deployment", "Service"]
    assert objects[0]["spec"]["template"]["spec"]["serviceAccountName"] == "theirs"
