from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.net.network_policy import NAME_SERVER, isolation

Object = dict[str, Any]
CLIENT, SERVER, OTHER, HOST, OUTSIDE = "10.244.0.2", "10.244.0.3", "10.244.0.4", "10.244.0.1", "203.0.113.10"


def pod(name: str, ip: str, namespace: str = "shop", **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}], **spec},
        "status": {"podIP": ip, "phase": "Running"},
    }


PODS = [
    pod("client", CLIENT),
    pod("server", SERVER),
    pod("other", OTHER, "bank"),
    pod("agent", "172.18.0.2", hostNetwork=True),
]
NAMESPACES = [
    {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}}
    for name in ("shop", "bank", "kube-system")
]


def policy(name: str = "p", namespace: str = "shop", **spec: Any) -> Object:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"podSelector": {}, **spec}}


def ingress(*peers: Object, ports: list[Object] | None = None, **spec: Any) -> Object:
    rule = {**({"from": list(peers)} if peers else {}), **({"ports": ports} if ports else {})}
    return policy(ingress=[rule], **spec)


def egress(*peers: Object, ports: list[Object] | None = None, **spec: Any) -> Object:
    rule = {**({"to": list(peers)} if peers else {}), **({"ports": ports} if ports else {})}
    return policy(egress=[rule], policyTypes=["Egress"], **spec)


def selected(**labels: str) -> Object:
    return {"podSelector": {"matchLabels": labels}}


def in_namespace(name: str, **labels: str) -> Object:
    found: Object = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
    return {**found, **selected(**labels)} if labels else found


def block(cidr: str, *without: str) -> Object:
    return {"ipBlock": {"cidr": cidr, "except": list(without)}}


@pytest.mark.parametrize(
    ("policies", "source", "passes"),
    [
        pytest.param([], CLIENT, True, id="none"),
        pytest.param([policy()], CLIENT, False, id="no ingress at all"),
        pytest.param([policy(ingress=[{}])], CLIENT, True, id="any ingress"),
        pytest.param([policy(namespace="bank")], CLIENT, True, id="another namespace"),
        pytest.param([policy(podSelector={"matchLabels": {"app": "x"}})], CLIENT, True, id="not selected"),
        pytest.param(
            [policy(podSelector={"matchExpressions": [{"key": "app", "operator": "Exists"}]})],
            CLIENT,
            False,
            id="selected by expression",
        ),
        pytest.param([policy()], HOST, True, id="the node"),
        pytest.param([policy()], "172.18.0.2", True, id="a pod on the node's network"),
        pytest.param([policy()], SERVER, True, id="the pod itself"),
        pytest.param([ingress(selected(app="client"))], CLIENT, True, id="pod"),
        pytest.param([ingress(selected(app="other"))], CLIENT, False, id="another pod"),
        pytest.param([ingress(selected(app="other"))], OTHER, False, id="pod of another namespace"),
        pytest.param([ingress(in_namespace("bank"))], OTHER, True, id="namespace"),
        pytest.param([ingress(in_namespace("bank"))], CLIENT, False, id="not of the namespace"),
        pytest.param([ingress(in_namespace("bank", app="x"))], OTHER, False, id="namespace and pod"),
        pytest.param([ingress({"namespaceSelector": {}})], OTHER, True, id="any namespace"),
        pytest.param([ingress(block("10.244.0.0/24"))], CLIENT, True, id="block"),
        pytest.param([ingress(block("10.244.0.0/24", "10.244.0.2/32"))], CLIENT, False, id="but for"),
        pytest.param([ingress(selected(app="x"), selected(app="client"))], CLIENT, True, id="either peer"),
        pytest.param([ingress(ports=[{"port": 8080}])], CLIENT, True, id="port"),
        pytest.param([ingress(ports=[{"port": 15008}])], CLIENT, False, id="another port"),
        pytest.param([ingress(ports=[{"port": "http"}])], CLIENT, True, id="port by name"),
        pytest.param([ingress(ports=[{"port": "grpc"}])], CLIENT, False, id="another name"),
        pytest.param([ingress(ports=[{"port": 8000, "endPort": 8100}])], CLIENT, True, id="range of ports"),
        pytest.param([ingress(ports=[{"port": 8000, "endPort": 8079}])], CLIENT, False, id="out of range"),
        pytest.param([ingress(ports=[{"protocol": "UDP"}])], CLIENT, False, id="another protocol"),
        pytest.param([ingress(ports=[{"protocol": "TCP"}])], CLIENT, True, id="any port"),
        pytest.param([policy(), policy("q", ingress=[{}])], CLIENT, True, id="policies add up"),
        pytest.param([policy(policyTypes=["Egress"])], CLIENT, False, id="no egress at all"),
        pytest.param([policy(policyTypes=["Egress"])], OTHER, True, id="no egress of this namespace"),
        pytest.param([egress(selected(app="server"))], CLIENT, True, id="egress to a pod"),
        pytest.param([egress(selected(app="other"))], CLIENT, False, id="egress to another pod"),
        pytest.param([egress(ports=[{"port": 53}])], CLIENT, False, id="egress to another port"),
        pytest.param([egress(ports=[{"port": "http"}])], CLIENT, True, id="egress to a named port"),
        pytest.param(
            [egress(selected(app="server")), policy("q")], CLIENT, False, id="egress is not ingress"
        ),
    ],
)
def test_a_connection_to_a_pod_passes(policies: list[Object], source: str, passes: bool) -> None:
    found = isolation(policies, PODS, NAMESPACES)

    assert (found.refusal(source, SERVER, 8080) == "") is passes


@pytest.mark.parametrize(
    ("policies", "passes"),
    [
        pytest.param([policy()], True, id="ingress"),
        pytest.param([egress(block("203.0.113.0/24"))], True, id="block"),
        pytest.param([egress(block("0.0.0.0/0", "203.0.113.0/24"))], False, id="but for"),
        pytest.param([egress({"namespaceSelector": {}})], False, id="any pod"),
        pytest.param([egress()], True, id="anywhere"),
    ],
)
def test_a_connection_to_the_outside_passes(policies: list[Object], passes: bool) -> None:
    found = isolation(policies, PODS, NAMESPACES)

    assert (found.refusal(CLIENT, OUTSIDE, 443) == "") is passes


DNS = in_namespace("kube-system")


@pytest.mark.parametrize(
    ("policies", "answers"),
    [
        pytest.param([policy()], True, id="ingress"),
        pytest.param([policy(policyTypes=["Egress"])], False, id="no egress"),
        pytest.param([egress(selected(app="server"))], False, id="egress to something else"),
        pytest.param([egress(DNS, ports=[{"protocol": "UDP", "port": 53}])], True, id="egress to DNS"),
        pytest.param([egress(DNS, ports=[{"port": 53}])], False, id="over TCP only"),
        pytest.param(
            [egress(in_namespace("kube-system", **{"k8s-app": "kube-dns"}))], True, id="egress to its pods"
        ),
        pytest.param([egress(ports=[{"protocol": "UDP", "port": 53}])], True, id="port 53 anywhere"),
    ],
)
def test_the_name_server_answers(policies: list[Object], answers: bool) -> None:
    found = isolation(policies, PODS, NAMESPACES)

    assert (found.refusal(CLIENT, NAME_SERVER, 53, "UDP") == "") is answers


def test_a_refusal_names_the_policies_and_what_they_miss() -> None:
    found = isolation([policy(), ingress(selected(app="x"), name="q")], PODS, NAMESPACES)

    assert found.refusal(CLIENT, SERVER, 15008) == (
        "NetworkPolicy shop/p, shop/q admits no ingress from shop/client port 15008"
    )
