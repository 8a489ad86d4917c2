"""Columns of services and of what leads traffic to pods."""

from __future__ import annotations

from typing import Final

from pocketmesh.objects import Object
from pocketmesh.schema.builtin.columns.cells import AGE, NAME, NONE, UNSET, at, few, labels, selector, text
from pocketmesh.schema.kind import Column


def _cluster_ip(service: Object) -> str:
    addresses = at(service, "spec.clusterIPs", ())
    return str(addresses[0]) if addresses else NONE


def _external_ip(service: Object) -> str:
    kind, external = at(service, "spec.type"), at(service, "spec.externalIPs", [])
    match kind:
        case "ClusterIP" | "NodePort":
            return ",".join(external) or NONE
        case "LoadBalancer":
            return ",".join([*_balancers(service), *external]) or "<pending>"
        case "ExternalName":
            return str(at(service, "spec.externalName"))
    return "<unknown>"


def _balancers(obj: Object) -> list[str]:
    ingress = at(obj, "status.loadBalancer.ingress", ())
    return sorted({entry.get("ip") or entry.get("hostname") or "" for entry in ingress} - {""})


def _ports(service: Object) -> str:
    return ",".join(_port(port) for port in at(service, "spec.ports", ())) or NONE


def _port(port: Object) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}"


def _endpoints(endpoints: Object) -> str:
    addresses = [
        f"{_host(address['ip'])}:{port['port']}" if port else address["ip"]
        for subset in endpoints.get("subsets", ())
        for port in subset.get("ports") or [None]
        for address in subset.get("addresses", ())
    ]
    if not endpoints.get("subsets"):
        return NONE
    return few(addresses) if addresses else ""


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _slice_ports(slice_: Object) -> str:
    return few([str(port.get("port") or port.get("name") or "*") for port in slice_.get("ports", ())])


def _slice_endpoints(slice_: Object) -> str:
    endpoints = slice_.get("endpoints", ())
    return few([address for endpoint in endpoints for address in endpoint.get("addresses", ())])


def _hosts(ingress: Object) -> str:
    rules = at(ingress, "spec.rules", ())
    hosts = [rule["host"] for rule in rules if rule.get("host")][:3]
    more = f" + {len(rules) - 3} more..." if len(rules) > 3 and len(hosts) == 3 else ""
    return ",".join(hosts) + more or "*"


def _class_name(ingress_class: Object) -> str:
    default = at(ingress_class, "metadata.annotations", {}).get("ingressclass.kubernetes.io/is-default-class")
    return str(ingress_class["metadata"]["name"]) + (" (default)" if default == "true" else "")


def _parameters(ingress_class: Object) -> str:
    parameters = at(ingress_class, "spec.parameters", None)
    if parameters is None:
        return NONE
    group = f".{parameters['apiGroup']}" if parameters.get("apiGroup") else ""
    return f"{parameters['kind']}{group}/{parameters['name']}"


def _parent(address: Object) -> str:
    parent = at(address, "spec.parentRef", None)
    if parent is None:
        return NONE
    resource = f"{parent['resource']}.{parent['group']}" if parent.get("group") else parent["resource"]
    namespace = f"/{parent['namespace']}" if parent.get("namespace") else ""
    return f"{resource.lower()}{namespace}/{parent['name']}"


_CLASS_NAME: Final = Column("Name", "string", "name", "", 0, lambda obj, _now: _class_name(obj))

COLUMNS: Final[dict[str, tuple[Column, ...]]] = {
    "services": (
        NAME,
        text("Type", lambda obj: at(obj, "spec.type")),
        text("Cluster-IP", _cluster_ip),
        text("External-IP", _external_ip),
        text("Port(s)", _ports),
        AGE,
        text("Selector", lambda obj: labels(at(obj, "spec.selector", None)), wide=True),
    ),
    "endpoints": (NAME, text("Endpoints", _endpoints), AGE),
    "endpointslices.discovery.k8s.io": (
        NAME,
        text("AddressType", lambda obj: obj.get("addressType", "")),
        text("Ports", _slice_ports),
        text("Endpoints", _slice_endpoints),
        AGE,
    ),
    "ingresses.networking.k8s.io": (
        NAME,
        text("Class", lambda obj: at(obj, "spec.ingressClassName", NONE)),
        text("Hosts", _hosts),
        text("Address", lambda obj: ",".join(_balancers(obj))),
        text("Ports", lambda obj: "80, 443" if at(obj, "spec.tls") else "80"),
        AGE,
    ),
    "ingressclasses.networking.k8s.io": (
        _CLASS_NAME,
        text("Controller", lambda obj: at(obj, "spec.controller")),
        text("Parameters", _parameters),
        AGE,
    ),
    "networkpolicies.networking.k8s.io": (
        NAME,
        text("Pod-Selector", lambda obj: selector(at(obj, "spec.podSelector", None))),
        AGE,
    ),
    "ipaddresses.networking.k8s.io": (NAME, text("ParentRef", _parent), AGE),
    "servicecidrs.networking.k8s.io": (
        NAME,
        text("CIDRs", lambda obj: ",".join(at(obj, "spec.cidrs", ())) or UNSET),
        AGE,
    ),
}
