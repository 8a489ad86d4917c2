"""Kubernetes objects in as few words as the situations need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]
Labels = Mapping[str, str]

ECHO = "gcr.io/k8s-staging-gateway-api/echo-basic:v1"
TOOLBOX = "nicolaka/netshoot:v1"
AMBIENT = {"istio.io/dataplane-mode": "ambient"}
OPTED_OUT = {"istio.io/dataplane-mode": "none"}
SYSTEM = "istio-system"


def uses(waypoint: str, namespace: str = "") -> dict[str, str]:
    """The labels that bind something to a waypoint."""
    named = {"istio.io/use-waypoint": waypoint}
    return {**named, "istio.io/use-waypoint-namespace": namespace} if namespace else named


SHARED = uses("shared", "hub")


def make(
    version: str, kind: str, name: str, namespace: str = "", labels: Labels | None = None, **rest: Any
) -> Object:
    meta: Object = {"name": name, "labels": dict(labels or {})}
    if namespace:
        meta["namespace"] = namespace
    return {"apiVersion": version, "kind": kind, "metadata": meta, **rest}


def namespace(name: str, *labels: Labels) -> Object:
    return make("v1", "Namespace", name, labels={key: it[key] for it in labels for key in it})


def _pod(name: str, namespace: str, labels: Labels | None, account: str, container: Object) -> Object:
    spec = {
        "serviceAccountName": account,
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "app", **container}],
    }
    return make("v1", "Pod", name, namespace, {"app": name, **(labels or {})}, spec=spec)


def client(name: str, namespace: str, labels: Labels | None = None) -> list[Object]:
    """A pod to call from, with an identity of its own."""
    container = {"image": TOOLBOX, "command": ["sleep", "infinity"]}
    return [
        make("v1", "ServiceAccount", name, namespace),
        _pod(name, namespace, labels, name, container),
    ]


def server(name: str, namespace: str, labels: Labels | None = None, image: str = ECHO) -> Object:
    """A pod that describes each request on port 3000."""
    return _pod(name, namespace, labels, "default", {"image": image})


def service(
    name: str,
    namespace: str,
    app: str = "",
    labels: Labels | None = None,
    *,
    target: int = 3000,
    port: str = "http",
    **spec: Any,
) -> Object:
    """A Service on port 80, of the pods labelled with `app` or the Service's own name."""
    ports = [{"name": port, "port": 80, "targetPort": target}]
    rest = {"selector": {"app": app or name}, "ports": ports, **spec}
    return make("v1", "Service", name, namespace, labels, spec=rest)


def waypoint(name: str, namespace: str, traffic: str = "", whom: Object | None = None) -> Object:
    """A waypoint for a type of traffic, to which those may attach whom the listener admits."""
    listener: Object = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    if whom:
        listener["allowedRoutes"] = {"namespaces": whom}
    labels = {"istio.io/waypoint-for": traffic} if traffic else {}
    spec = {"gatewayClassName": "istio-waypoint", "listeners": [listener]}
    return make("gateway.networking.k8s.io/v1", "Gateway", name, namespace, labels, spec=spec)


def route(name: str, namespace: str, parent: Object, *rules: Object, **spec: Any) -> Object:
    rest = {"parentRefs": [parent], "rules": list(rules), **spec}
    return make("gateway.networking.k8s.io/v1", "HTTPRoute", name, namespace, spec=rest)


def target(kind: str, name: str) -> Object:
    """A targetRef."""
    groups = {"Service": "", "ServiceEntry": "networking.istio.io"}
    return {"group": groups.get(kind, "gateway.networking.k8s.io"), "kind": kind, "name": name}


def security(kind: str, name: str, namespace: str, spec: Object) -> Object:
    return make("security.istio.io/v1", kind, name, namespace, spec=spec)


def rule(*, when: Object | None = None, to: Object | None = None, **source: Any) -> Object:
    """A rule of an AuthorizationPolicy, of one source, one operation and one condition."""
    found: Object = {"from": [{"source": source}]} if source else {}
    if to:
        found["to"] = [{"operation": to}]
    if when:
        found["when"] = [when]
    return found


def allow(*rules: Object) -> Object:
    """An ALLOW policy's spec; without rules it never matches."""
    return {"action": "ALLOW", "rules": list(rules)} if rules else {}


def deny(*rules: Object) -> Object:
    return {"action": "DENY", "rules": list(rules)}


def selected(app: str) -> Object:
    """What binds a policy to pods."""
    return {"selector": {"matchLabels": {"app": app}}}
