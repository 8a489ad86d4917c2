from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.istio.mesh.authorization import l4_policies, peer_authentications
from pocketmesh.istio.mesh.mutual_tls import demanding, mtls_policy
from pocketmesh.istio.mesh.policy import Peer, judge

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


def admitted(policies: list[Object], peer: Peer = CLIENT) -> bool:
    return judge(
        l4_policies(policies, "istio-system"),
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
        pytest.param([policy(source(namespaces=["sh*"]))], True, id="beginning of a namespace"),
        pytest.param([policy(source(notNamespaces=["shop"]))], False, id="not this namespace"),
        pytest.param([policy(source(trustDomains=["cluster.local"]))], True, id="trust domain"),
        pytest.param([policy(source(trustDomains=["other"]))], False, id="another trust domain"),
        pytest.param([policy(source(remoteIpBlocks=["10.0.0.0/8"]))], False, id="ALLOW by forwarded address"),
        pytest.param([policy(source(requestPrincipals=["*"]))], False, id="ALLOW by token"),
        pytest.param(
            [policy({"when": [{"key": "request.headers[a]", "values": ["b"]}]})], False, id="ALLOW by header"
        ),
        pytest.param(
            [policy({"when": [{"key": "source.serviceAccount", "values": ["client"]}]})],
            False,
            id="ALLOW by when source.serviceAccount",
        ),
        pytest.param(
            [policy({"when": [{"key": "destination.port", "values": ["8080"]}]})], True, id="when port"
        ),
        pytest.param(
            [policy({"when": [{"key": "destination.ip", "values": ["10.244.0.0/24"]}]})], True, id="when ip"
        ),
        pytest.param(
            [policy({"when": [{"key": "request.headers[a]", "values": ["b"]}]}, action="DENY")],
            True,
            id="DENY by header is inert",
        ),
        pytest.param(
            [policy(operation(methods=["GET"]), {**source(principals=[PRINCIPAL])})],
            True,
            id="ALLOW keeps its other rules",
        ),
        pytest.param(
            [{**policy(), "metadata": {**policy()["metadata"], "annotations": {"istio.io/dry-run": "true"}}}],
            True,
            id="dry run",
        ),
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


SERVER = {"matchLabels": {"app": "server"}}
STATIC = "istio-system/istio_converted_static_strict"
CONVERTED = "shop/converted_peer_authentication_default"


def ports(**modes: str) -> Object:
    return {"selector": SERVER, "portLevelMtls": {port[1:]: {"mode": mode} for port, mode in modes.items()}}


@pytest.mark.parametrize(
    ("authentications", "refusing", "refused"),
    [
        pytest.param([], "", [], id="none"),
        pytest.param([authentication("STRICT")], STATIC, [80, 90], id="namespace"),
        pytest.param([authentication("STRICT", "istio-system")], STATIC, [80, 90], id="mesh"),
        pytest.param([authentication("STRICT", selector=SERVER)], STATIC, [80, 90], id="workload"),
        pytest.param([authentication("STRICT", "other")], "", [], id="another namespace"),
        pytest.param(
            [authentication("STRICT", "istio-system", selector=SERVER)], "", [], id="selector in the root"
        ),
        pytest.param(
            [authentication("STRICT", selector={"matchLabels": {"app": "x"}})], "", [], id="another workload"
        ),
        pytest.param(
            [authentication("STRICT", "istio-system"), authentication("PERMISSIVE")], "", [], id="nearer wins"
        ),
        pytest.param(
            [authentication("STRICT", "istio-system"), authentication("UNSET")],
            STATIC,
            [80, 90],
            id="unset inherits",
        ),
        pytest.param(
            [authentication("STRICT"), authentication("UNSET", name="own", selector=SERVER)],
            STATIC,
            [80, 90],
            id="unset workload inherits",
        ),
        pytest.param(
            [authentication("STRICT", "istio-system"), authentication("DISABLE")], "", [], id="disable"
        ),
        pytest.param(
            [
                authentication("STRICT", name="new", created="2026-01-02"),
                authentication("PERMISSIVE", name="old", created="2026-01-01"),
            ],
            "",
            [],
            id="oldest wins",
        ),
        pytest.param([authentication("STRICT", **ports(p80="PERMISSIVE"))], CONVERTED, [90], id="exempt"),
        pytest.param([authentication("STRICT", **ports(p80="DISABLE"))], CONVERTED, [90], id="disabled port"),
        pytest.param([authentication("STRICT", **ports(p80="STRICT"))], STATIC, [80, 90], id="strict anyway"),
        pytest.param([authentication("STRICT", **ports(p80="UNSET"))], STATIC, [80, 90], id="unset port"),
        pytest.param(
            [authentication("PERMISSIVE", **ports(p80="STRICT"))], CONVERTED, [80], id="strict port"
        ),
        pytest.param([authentication("DISABLE", **ports(p80="STRICT"))], CONVERTED, [80], id="but for one"),
        pytest.param(
            [authentication("UNSET", **ports(p80="STRICT"))], CONVERTED, [80], id="strict port only"
        ),
        pytest.param(
            [
                authentication("STRICT", "istio-system"),
                authentication("UNSET", **ports(p80="PERMISSIVE", p90="STRICT")),
            ],
            CONVERTED,
            [90],
            id="exempt from an inherited mode",
        ),
    ],
)
def test_plain_text_is_refused_by_mutual_tls(
    authentications: list[Object], refusing: str, refused: list[int]
) -> None:
    labels = {"app": "server"}
    policy = mtls_policy(peer_authentications(authentications, "istio-system"), "shop", labels)

    own = [policy] if policy else []
    found = {
        port: judge(own, PLAIN, namespace="shop", labels=labels, ip="10.0.0.1", port=port)
        for port in (80, 90)
    }

    assert (policy.shown if policy else "") == refusing
    assert [port for port, judgement in found.items() if not judgement.admitted] == refused
    errors = {judgement.error for judgement in found.values() if not judgement.admitted}
    assert errors <= {f"connection closed due to policy rejection: explicitly denied by: {refusing}"}


def test_mutual_tls_refuses_nobody_with_an_identity() -> None:
    policy = mtls_policy(peer_authentications([authentication("STRICT")], "istio-system"), "shop", {})

    assert policy
    assert judge([policy], CLIENT, namespace="shop", labels={}, ip="10.0.0.1", port=80).admitted


@pytest.mark.parametrize(
    ("authentications", "expected"),
    [
        pytest.param([authentication("STRICT")], "shop/default", id="namespace"),
        pytest.param(
            [authentication("STRICT", "istio-system"), authentication("UNSET")],
            "istio-system/default",
            id="inherited",
        ),
        pytest.param(
            [authentication("STRICT"), authentication("UNSET", name="own", **ports(p80="PERMISSIVE"))],
            "shop/own",
            id="with ports",
        ),
    ],
)
def test_who_demands_mutual_tls_is_known(authentications: list[Object], expected: str) -> None:
    found = demanding(peer_authentications(authentications, "istio-system"), "shop", {"app": "server"})
    assert found == expected
