from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.istio.waypoints import bind_service, bind_workload, usable_waypoints

Object = dict[str, Any]


def meta(name: str, namespace: str = "", **labels: str) -> Object:
    found = {"name": name, "labels": {f"istio.io/{key.replace('_', '-')}": v for key, v in labels.items()}}
    return {**found, "namespace": namespace} if namespace else found


def gateway(name: str = "wp", namespace: str = "app", allowed: Object | None = None, **labels: str) -> Object:
    listener: Object = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    if allowed is not None:
        listener["allowedRoutes"] = {"namespaces": allowed}
    return {
        "metadata": meta(name, namespace, **labels),
        "spec": {"gatewayClassName": "istio-waypoint", "listeners": [listener]},
        "status": {"addresses": [{"type": "IPAddress", "value": "10.96.0.7"}]},
    }


def service(**labels: str) -> Object:
    return {"metadata": meta("web", "app", **labels), "spec": {}}


def namespaces(**labels: str) -> dict[str, Object]:
    return {"app": {"metadata": meta("app", **labels)}, "infra": {"metadata": meta("infra")}}


def waypoints(*gateways: Object) -> Any:
    return usable_waypoints(gateways, [])


ELSEWHERE = {"use_waypoint": "wp", "use_waypoint_namespace": "infra"}
BY_NAME = {"from": "Selector", "selector": {"matchLabels": {"kubernetes.io/metadata.name": "app"}}}
BY_KEY = {
    "from": "Selector",
    "selector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["blue"]}]},
}


@pytest.mark.parametrize(
    ("own", "inherited", "served", "reason"),
    [
        pytest.param({}, {}, gateway(), "", id="no label asks for none"),
        pytest.param({"use_waypoint": "wp"}, {}, gateway(), "WaypointAccepted", id="own label"),
        pytest.param({}, {"use_waypoint": "wp"}, gateway(), "WaypointAccepted", id="namespace label"),
        pytest.param({"use_waypoint": "none"}, {"use_waypoint": "wp"}, gateway(), "", id="opted out"),
        pytest.param({}, {"use_waypoint": "none"}, gateway(), "", id="namespace opted out"),
        pytest.param(
            {"use_waypoint": "typo"},
            {"use_waypoint": "wp"},
            gateway(),
            "WaypointIsNotReady",
            id="no fallback to the namespace",
        ),
        pytest.param(
            ELSEWHERE,
            {},
            gateway(namespace="infra"),
            "AttachmentDenied",
            id="other namespace is not admitted",
        ),
        pytest.param(
            ELSEWHERE,
            {},
            gateway(namespace="infra", allowed={"from": "All"}),
            "WaypointAccepted",
            id="all namespaces admitted",
        ),
        pytest.param(
            {},
            ELSEWHERE,
            gateway(namespace="infra", allowed=BY_NAME),
            "WaypointAccepted",
            id="selected by name",
        ),
        pytest.param(
            {}, ELSEWHERE, gateway(namespace="infra", allowed=BY_KEY), "AttachmentDenied", id="not selected"
        ),
        pytest.param(
            {"use_waypoint": "wp"},
            {},
            gateway(waypoint_for="workload"),
            "UnsupportedTrafficType",
            id="waypoint for workloads",
        ),
        pytest.param(
            {"use_waypoint": "wp"}, {}, gateway(waypoint_for="all"), "WaypointAccepted", id="waypoint for all"
        ),
        pytest.param(
            {"use_waypoint": "wp"}, {}, gateway(waypoint_for="none"), "UnsupportedTrafficType", id="for none"
        ),
    ],
)
def test_a_service_is_bound_by_its_label_then_by_its_namespace(
    own: Object, inherited: Object, served: Object, reason: str
) -> None:
    assert bind_service(service(**own), namespaces(**inherited), waypoints(served)).reason == reason


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        pytest.param({"use_waypoint": "wp"}, "UnsupportedTrafficType", id="asked for itself"),
        pytest.param({}, "", id="inherited"),
    ],
)
def test_a_pod_only_complains_about_a_service_waypoint_that_it_asked_for(labels: Object, reason: str) -> None:
    pod = {"metadata": meta("web-1", "app", **labels), "spec": {}}
    assert bind_workload(pod, namespaces(use_waypoint="wp"), waypoints(gateway())).reason == reason


def test_a_waypoints_own_pods_and_services_have_no_waypoint() -> None:
    pod = {"metadata": {"namespace": "app", "labels": {"gateway.networking.k8s.io/gateway-name": "wp"}}}
    own = {
        "metadata": {"namespace": "app", "labels": {"gateway.istio.io/managed": "istio.io-mesh-controller"}},
        "spec": {},
    }
    everyone = namespaces(use_waypoint="wp")
    served = waypoints(gateway(waypoint_for="all"))
    assert bind_workload(pod, everyone, served).reason == ""
    assert bind_service(own, everyone, served).reason == ""


def test_a_gateway_without_an_address_is_no_waypoint() -> None:
    assert waypoints({**gateway(), "status": {}}) == {}


def test_the_class_gives_the_traffic_type_when_the_gateway_does_not() -> None:
    of_class = {"metadata": meta("istio-waypoint", waypoint_for="workload")}
    assert usable_waypoints([gateway()], [of_class])["app", "wp"].traffic_type == "workload"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({}, "Successfully attached to waypoint app/wp"),
        (
            {"ingress_use_waypoint": "true"},
            "Successfully attached to waypoint app/wp. Ingress traffic will traverse the waypoint",
        ),
        (
            {"ingress_use_waypoint": "false"},
            "Successfully attached to waypoint app/wp. Ingress traffic is not using the waypoint, "
            "set the istio.io/ingress-use-waypoint label to true if desired.",
        ),
    ],
    ids=["silent", "ingress too", "ingress refused"],
)
def test_the_message_says_what_ingress_does(labels: Object, message: str) -> None:
    bound = bind_service(service(use_waypoint="wp", **labels), namespaces(), waypoints(gateway()))
    assert bound.message == message
