from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pocketmesh.istio.istiod.policies import policy_condition
from pocketmesh.istio.settings import Settings

Object = dict[str, Any]
GROUP = "gateway.networking.k8s.io"

WAYPOINT = {
    "kind": "Gateway",
    "metadata": {"namespace": "app", "name": "wp"},
    "spec": {"gatewayClassName": "istio-waypoint", "listeners": []},
    "status": {"addresses": [{"value": "10.96.0.9"}]},
}
BOUND = {
    "kind": "Service",
    "metadata": {"namespace": "app", "name": "bound", "labels": {"istio.io/use-waypoint": "wp"}},
    "spec": {},
}
LOOSE = {"kind": "Service", "metadata": {"namespace": "app", "name": "loose"}, "spec": {}}
CLASS = {
    "kind": "GatewayClass",
    "metadata": {"name": "istio-waypoint"},
    "spec": {"controllerName": "istio.io/mesh-controller"},
}
PATHS = [{"to": [{"operation": {"paths": ["/x"], "methods": ["GET"]}}]}]
HTTP = (
    "ztunnel does not support HTTP attributes (found: methods, paths). In ambient mode you must use a "
    "waypoint proxy to enforce HTTP rules. "
)


YOUNG = {
    "kind": "Gateway",
    "metadata": {"namespace": "app", "name": "young"},
    "spec": {"gatewayClassName": "istio-waypoint", "listeners": []},
}
ENTRY = {
    "kind": "ServiceEntry",
    "metadata": {"namespace": "app", "name": "outside"},
    "spec": {"hosts": ["a.example"]},
}
L7 = {
    "to": [{"operation": {"hosts": ["a"]}}],
    "from": [{"source": {"remoteIpBlocks": ["10.0.0.0/8"], "notRequestPrincipals": ["*"]}}],
    "when": [
        {"key": "request.headers[a]", "values": ["b"]},
        {"key": "source.serviceAccount", "values": ["c"]},
        {"key": "source.ip", "values": ["10.0.0.1"]},
    ],
}


def entry(name: str) -> Object:
    return {"kind": "ServiceEntry", "group": "networking.istio.io", "name": name}


def service(name: str) -> Object:
    return {"kind": "Service", "group": "", "name": name}


def gateway(name: str) -> Object:
    return {"kind": "Gateway", "group": GROUP, "name": name}


@pytest.mark.parametrize(
    ("spec", "status", "reason", "message"),
    [
        pytest.param({}, True, "Accepted", "attached to ztunnel", id="connections only"),
        pytest.param(
            {"rules": PATHS},
            True,
            "UnsupportedValue",
            HTTP + "Within an ALLOW policy, rules matching HTTP attributes are omitted. "
            "This will be more restrictive than requested.",
            id="ALLOW by path",
        ),
        pytest.param(
            {"action": "DENY", "rules": PATHS},
            True,
            "UnsupportedValue",
            HTTP + "DENY policy with HTTP attributes is enforced without the HTTP rules. "
            "This will be more restrictive than requested.",
            id="DENY by path",
        ),
        pytest.param(
            {"action": "CUSTOM"},
            False,
            "UnsupportedValue",
            "ztunnel does not support the CUSTOM action",
            id="CUSTOM",
        ),
        pytest.param(
            {"action": "AUDIT"},
            False,
            "UnsupportedValue",
            "ztunnel does not support the AUDIT action",
            id="AUDIT",
        ),
        pytest.param(
            {"rules": [L7]},
            True,
            "UnsupportedValue",
            HTTP.replace(
                "methods, paths",
                "hosts, notRequestPrincipals, remoteIpBlocks, request.headers[a], source.serviceAccount",
            )
            + "Within an ALLOW policy, rules matching HTTP attributes are omitted. "
            "This will be more restrictive than requested.",
            id="ALLOW by all sorts",
        ),
        pytest.param({"targetRefs": [service("bound")]}, True, "Accepted", "bound to app/wp", id="service"),
        pytest.param(
            {"targetRefs": [service("loose")]},
            False,
            "AncestorNotBound",
            "Service app/loose is not bound to a waypoint",
            id="service without waypoint",
        ),
        pytest.param(
            {"targetRefs": [service("gone")]},
            False,
            "TargetNotFound",
            "Service app/gone was not found",
            id="no service",
        ),
        pytest.param(
            {"targetRefs": [entry("outside")]},
            False,
            "AncestorNotBound",
            "ServiceEntry app/outside is not bound to a waypoint",
            id="ServiceEntry without waypoint",
        ),
        pytest.param(
            {"targetRefs": [entry("gone")]},
            False,
            "TargetNotFound",
            "ServiceEntry app/gone was not found",
            id="no ServiceEntry",
        ),
        pytest.param(
            {"targetRefs": [{"kind": "Service", "group": "core", "name": "bound"}]},
            True,
            "Accepted",
            "bound to app/wp",
            id="service of group core",
        ),
        pytest.param(
            {"targetRefs": [gateway("young")]}, False, "TargetNotFound", "not bound", id="no address yet"
        ),
        pytest.param({"targetRef": gateway("wp")}, True, "Accepted", "bound to app/wp", id="gateway"),
        pytest.param({"targetRefs": [gateway("x")]}, False, "TargetNotFound", "not bound", id="no gateway"),
        pytest.param(
            {"targetRefs": [{"kind": "GatewayClass", "group": GROUP, "name": "istio-waypoint"}]},
            False,
            "Invalid",
            "AuthorizationPolicy must be in the root namespace `istio-system` "
            "when referencing a GatewayClass",
            id="class from outside the root namespace",
        ),
        pytest.param(
            {"targetRefs": [service("bound"), gateway("wp")]}, True, "Accepted", "", id="several, all fine"
        ),
        pytest.param(
            {"targetRefs": [service("bound"), service("loose")]},
            True,
            "PartiallyInvalid",
            "Invalid targetRefs: Service.core:app/loose",
            id="several, one wrong",
        ),
        pytest.param(
            {"targetRefs": [gateway("x"), service("loose")]},
            False,
            "Invalid",
            f"Invalid targetRefs: Gateway.{GROUP}:app/x, Service.core:app/loose",
            id="several, all wrong",
        ),
    ],
)
def test_a_policy_is_told_what_becomes_of_it(
    spec: Object, status: bool, reason: str, message: str, reading: Callable[..., Any]
) -> None:
    policy = {"kind": "AuthorizationPolicy", "metadata": {"namespace": "app", "name": "p"}, "spec": spec}
    found = policy_condition(policy, reading(WAYPOINT, BOUND, LOOSE, CLASS, YOUNG, ENTRY), Settings())
    assert (found.status, found.reason, found.message) == (status, reason, message)


def test_a_class_is_targeted_from_the_root_namespace(reading: Callable[..., Any]) -> None:
    target = {"kind": "GatewayClass", "group": GROUP, "name": "istio-waypoint"}
    policy = {"metadata": {"namespace": "istio-system", "name": "p"}, "spec": {"targetRefs": [target]}}
    assert policy_condition(policy, reading(CLASS), Settings()).message == "bound to istio-waypoint"


def test_a_class_of_another_controller_is_refused(reading: Callable[..., Any]) -> None:
    other = {
        **CLASS,
        "metadata": {"name": "istio"},
        "spec": {"controllerName": "istio.io/gateway-controller"},
    }
    target = {"kind": "GatewayClass", "group": GROUP, "name": "istio"}
    policy = {"metadata": {"namespace": "istio-system", "name": "p"}, "spec": {"targetRefs": [target]}}

    found = policy_condition(policy, reading(other), Settings())

    message = "GatewayClass must use controller name `istio.io/mesh-controller` for waypoints"
    assert (found.status, found.reason, found.message) == (False, "Invalid", message)


def test_a_dry_run_is_not_enforced_and_says_so(reading: Callable[..., Any]) -> None:
    metadata = {"namespace": "app", "name": "p", "annotations": {"istio.io/dry-run": "true"}}

    found = policy_condition({"metadata": metadata, "spec": {}}, reading(), Settings())

    assert (found.status, found.reason) == (False, "UnsupportedValue")
    assert "app/p" in found.message
