from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.istio.mesh.authorization import l4_policies, peer_authentications
from pocketmesh.istio.mesh.policy import Peer, judge, mtls_mode

Object = dict[str, Any]
CLIENT = Peer("10.244.0.2", "spiffe://cluster.local/ns/shop/sa/client")
PLAIN = Peer("10.244.0.4")


def policy(
    *rules: Object, action: str = "ALLOW", namespace: str = "shop", name: str = "p", **spec: Any
) -> Object:
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"action": action, "rules": list(rules), **spec},
    }


def authentication(
    mode: str, namespace: str = "shop", name: str = "default", created: str = "2026-01-01", **spec: Any
) -> Object:
    meta = {"name": name, "namespace": namespace, "creationTimestamp": created}
    return {"metadata": meta, "spec": {"mtls": {"mode": mode}, **spec}}


def source(**fields: Any) -> Object:
    return {"from": [{"source": fields}]}


def operation(**fields: Any) -> Object:
    return {"to": [{"operation": fields}]}


def admitted(
    policies: list[Object], peer: Peer = CLIENT, authentications: list[Object] | None = None
) -> bool:
    return judge(
        l4_policies(policies, "istio-system"),
        peer_authentications(authentications or [], "istio-system"),
        peer,
        namespace="shop",
        labels={"app": "server"},
        ip="10.244.0.3",
        port=8080,
    ).admitted


PRINCIPAL = "cluster.local/ns/shop/sa/client"


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param([], True, id="no policy"),
        pytest.param([policy()], False, id="empty spec"),
        pytest.param([policy({})], True, id="empty rule"),
        pytest.param([policy({}, action="DENY")], False, id="DENY with an empty rule"),
        pytest.param([policy(namespace="istio-system")], False, id="empty spec for the whole mesh"),
        pytest.param([policy(namespace="other")], True, id="another namespace"),
        pytest.param([policy(selector={"matchLabels": {"app": "server"}})], False, id="selected"),
        pytest.param([policy(selector={"matchLabels": {"app": "x"}})], True, id="not selected"),
        pytest.param([policy(targetRefs=[{"kind": "Service", "name": "web"}])], True, id="for a waypoint"),
        pytest.param([policy({}, action="AUDIT")], True, id="AUDIT"),
        pytest.param([policy({}, action="CUSTOM")], True, id="CUSTOM"),
        pytest.param([policy(source(principals=[PRINCIPAL]))], True, id="principal"),
        pytest.param([policy(source(principals=[f"spiffe://{PRINCIPAL}"]))], False, id="with spiffe://"),
        pytest.param([policy(source(principals=["*/sa/client"]))], True, id="suffix"),
        pytest.param([policy(source(principals=["cluster.local/ns/shop/*"]))], True, id="prefix"),
        pytest.param([policy(source(principals=["*"]))], True, id="any principal"),
        pytest.param([policy(source(notPrincipals=[PRINCIPAL]))], False, id="not this principal"),
        pytest.param([policy(source(serviceAccounts=["client"]))], True, id="account"),
        pytest.param([policy(source(serviceAccounts=["other/client"]))], False, id="account of a namespace"),
        pytest.param([policy(source(namespaces=["shop"]))], True, id="namespace"),
        pytest.param([policy(source(ipBlocks=["10.244.0.0/24"]))], True, id="block of addresses"),
        pytest.param([policy(source(ipBlocks=["10.244.0.3"]))], False, id="another address"),
        pytest.param([policy(operation(ports=["8080"]))], True, id="the pod's port"),
        pytest.param([policy(operation(ports=["80"]))], False, id="the service's port"),
        pytest.param([policy({"when": [{"key": "source.namespace", "values": ["shop"]}]})], True, id="when"),
        pytest.param(
            [policy({"when": [{"key": "source.namespace", "notValues": ["shop"]}]})], False, id="not"
        ),
        pytest.param([policy({}), policy({}, action="DENY", name="q")], False, id="DENY wins"),
        pytest.param([policy(), policy({}, name="q")], True, id="one ALLOW is enough"),
        pytest.param([policy(operation(methods=["GET"]))], False, id="ALLOW by method loses its rule"),
        pytest.param(
            [policy({**source(principals=[PRINCIPAL]), **operation(paths=["/a"])})],
            False,
            id="ALLOW by principal and path loses its rule",
        ),
        pytest.param([policy(operation(paths=["/a"]), action="DENY")], True, id="DENY by path is inert"),
        pytest.param(
            [policy({**source(principals=[PRINCIPAL]), **operation(methods=["GET"])}, action="DENY")],
            True,
            id="DENY by principal and method is inert",
        ),
        pytest.param(
            [policy(operation(ports=["8080"], paths=["/a"]), action="DENY")], False, id="DENY keeps the port"
        ),
    ],
)
def test_ztunnel_admits_a_client(policies: list[Object], expected: bool) -> None:
    assert admitted(policies) is expected


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param([policy(source(principals=["*"]))], False, id="any principal"),
        pytest.param([policy(source(notPrincipals=[PRINCIPAL]))], True, id="not a principal"),
        pytest.param([policy(source(ipBlocks=["10.244.0.4"]))], True, id="address"),
    ],
)
def test_plain_text_has_an_address_but_no_identity(policies: list[Object], expected: bool) -> None:
    assert admitted(policies, PLAIN) is expected


@pytest.mark.parametrize(
    ("authentications", "expected"),
    [
        pytest.param([], "PERMISSIVE", id="none"),
        pytest.param([authentication("STRICT")], "STRICT", id="namespace"),
        pytest.param([authentication("STRICT", "istio-system")], "STRICT", id="mesh"),
        pytest.param([authentication("STRICT", "other")], "PERMISSIVE", id="another namespace"),
        pytest.param(
            [authentication("STRICT", "istio-system"), authentication("PERMISSIVE")],
            "PERMISSIVE",
            id="nearer wins",
        ),
        pytest.param(
            [authentication("STRICT", "istio-system"), authentication("UNSET")], "STRICT", id="unset inherits"
        ),
        pytest.param([authentication("DISABLE")], "PERMISSIVE", id="disable"),
        pytest.param(
            [
                authentication("STRICT", name="new", created="2026-01-02"),
                authentication("PERMISSIVE", name="old", created="2026-01-01"),
            ],
            "PERMISSIVE",
            id="oldest wins",
        ),
        pytest.param(
            [
                authentication(
                    "STRICT",
                    selector={"matchLabels": {"app": "server"}},
                    portLevelMtls={"8080": {"mode": "PERMISSIVE"}},
                )
            ],
            "PERMISSIVE",
            id="an exempted port",
        ),
        pytest.param(
            [
                authentication(
                    "PERMISSIVE",
                    selector={"matchLabels": {"app": "server"}},
                    portLevelMtls={"8080": {"mode": "STRICT"}},
                )
            ],
            "STRICT",
            id="a strict port",
        ),
    ],
)
def test_the_mode_of_a_workloads_port(authentications: list[Object], expected: str) -> None:
    found = mtls_mode(peer_authentications(authentications, "istio-system"), "shop", {"app": "server"}, 8080)

    assert found == expected


def test_strict_refuses_plain_text_and_says_so() -> None:
    judgement = judge(
        [],
        peer_authentications([authentication("STRICT")], "istio-system"),
        PLAIN,
        namespace="shop",
        labels={},
        ip="10.244.0.3",
        port=8080,
    )

    assert not judgement.admitted
    assert judgement.error == (
        "connection closed due to policy rejection: "
        "explicitly denied by: istio-system/istio_converted_static_strict"
    )
