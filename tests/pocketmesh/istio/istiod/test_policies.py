from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pocketmesh.istio.istiod.policies import policy_condition
from pocketmesh.istio.istiod.settings import Settings

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
    found = policy_condition(policy, reading(WAYPOINT, BOUND, LOOSE, CLASS), Settings())
    assert (found.status, found.reason, found.message) == (status, reason, message)


def test_a_class_is_targeted_from_the_root_namespace(reading: Callable[..., Any]) -> None:
    target = {"kind": "GatewayClass", "group": GROUP, "name": "istio-waypoint"}
    policy = {"metadata": {"namespace": "istio-system", "name": "p"}, "spec": {"targetRefs": [target]}}
    assert policy_condition(policy, reading(CLASS), Settings()).message == "bound to istio-waypoint"
