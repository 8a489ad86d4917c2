"""Defaults of services, endpoints and network policies."""

from __future__ import annotations

from pocketmesh.objects import Object

_CLIENT_AFFINITY_SECONDS = 10800
_WITH_NODE_PORTS = ("NodePort", "LoadBalancer")


def service(obj: Object) -> None:
    """A Service, without what the registry allocates for it."""
    spec = obj.setdefault("spec", {})
    kind = spec.setdefault("type", "ClusterIP")
    if spec.setdefault("sessionAffinity", "None") == "ClientIP":
        client = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        client.setdefault("timeoutSeconds", _CLIENT_AFFINITY_SECONDS)
    else:
        spec.pop("sessionAffinityConfig", None)
    for port in spec.get("ports", ()):
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port")
    if kind in _WITH_NODE_PORTS or (kind == "ClusterIP" and spec.get("externalIPs")):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
    status = obj.setdefault("status", {}).setdefault("loadBalancer", {})
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
        for ingress in status.get("ingress", ()):
            if "ip" in ingress:
                ingress.setdefault("ipMode", "VIP")


def endpoints(obj: Object) -> None:
    """An Endpoints object."""
    for subset in obj.get("subsets", ()):
        for port in subset.get("ports", ()):
            port.setdefault("protocol", "TCP")


def endpoint_slice(obj: Object) -> None:
    """An EndpointSlice."""
    for port in obj.get("ports", ()):
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def network_policy(obj: Object) -> None:
    """A NetworkPolicy: without policyTypes it is about what it has rules for, and always ingress."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rule in [*spec.get("ingress", ()), *spec.get("egress", ())]:
        for port in rule.get("ports", ()):
            port.setdefault("protocol", "TCP")


def ingress(obj: Object) -> None:
    """An Ingress."""
    obj.setdefault("status", {}).setdefault("loadBalancer", {})


def ingress_class(obj: Object) -> None:
    """An IngressClass."""
    parameters = obj.setdefault("spec", {}).get("parameters")
    if parameters is not None:
        parameters.setdefault("scope", "Cluster")
