"""What says where traffic goes: NetworkPolicies, Ingresses, EndpointSlices.

Upstream: kubernetes `pkg/apis/networking/validation`, `pkg/apis/discovery/validation`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any, Final

from pocketmesh.objects import Object
from pocketmesh.schema import errors, names
from pocketmesh.schema.builtin.checks.pods import port_reference
from pocketmesh.schema.builtin.checks.workloads import selector
from pocketmesh.schema.errors import FieldError

_PROTOCOLS: Final = ("TCP", "UDP", "SCTP")
_POLICY_TYPES: Final = ("Ingress", "Egress")
_ADDRESS_TYPES: Final = ("FQDN", "IPv4", "IPv6")
_PATH_TYPES: Final = ("Exact", "ImplementationSpecific", "Prefix")
_NOT_IN_PATHS: Final = ("//", "/./", "/../", "%2f", "%2F")
_NOT_AT_THE_END: Final = ("/..", "/.")
_CIDR: Final = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_MOST_ENDPOINTS: Final = 1000
_MOST_ADDRESSES: Final = 100


def network_policy(obj: Object, _old: Object | None) -> list[FieldError]:
    """A NetworkPolicy."""
    spec = obj["spec"]
    found = selector(spec["podSelector"], "spec.podSelector")
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or ()):
            at = f"spec.{direction}[{index}]"
            for number, port in enumerate(rule.get("ports") or ()):
                found += _policy_port(port, f"{at}.ports[{number}]")
            for number, peer in enumerate(rule.get(side) or ()):
                found += _peer(peer, f"{at}.{side}[{number}]")
    types = spec["policyTypes"]
    if len(types) > len(_POLICY_TYPES):
        rule = "may not specify more than two policyTypes"
        return [*found, errors.invalid("spec.policyTypes", types, rule)]
    unknown = [(index, kind) for index, kind in enumerate(types) if kind not in _POLICY_TYPES]
    found += [
        errors.unsupported(f"spec.policyTypes[{index}]", kind, _POLICY_TYPES) for index, kind in unknown
    ]
    return found


def ingress(obj: Object, old: Object | None) -> list[FieldError]:
    """An Ingress."""
    spec = obj.get("spec") or {}
    default, rules = spec.get("defaultBackend"), spec.get("rules") or []
    found: list[FieldError] = []
    if not rules and default is None:
        rule = "either `defaultBackend` or `rules` must be specified"
        found.append(errors.invalid("spec", rules, rule))
    if default is not None:
        found += _backend(default, "spec.defaultBackend")
    for index, rule in enumerate(rules):
        at = f"spec.rules[{index}]"
        found += _host(rule.get("host") or "", f"{at}.host")
        if "http" in rule:
            found += _paths(rule["http"].get("paths") or [], f"{at}.http.paths")
    for index, tls in enumerate(spec.get("tls") or ()):
        for host in tls.get("hosts") or ():
            found += _host(host, f"spec.tls[{index}].hosts")
    name = spec.get("ingressClassName")
    if name is not None:
        field = "spec.ingressClassName"
        found += [errors.invalid(field, name, complaint) for complaint in names.dns_subdomain(name)]
    annotation = "kubernetes.io/ingress.class"
    annotations = obj["metadata"].get("annotations") or {}
    if old is None and name is not None and annotation in annotations:
        rule = "can not be set when the class field is also set"
        found.append(errors.invalid(f"annotations.{annotation}", annotations[annotation], rule))
    return found


def endpoint_slice(obj: Object, old: Object | None) -> list[FieldError]:
    """An EndpointSlice; the kind of its addresses stays."""
    kind, endpoints = obj.get("addressType") or "", obj.get("endpoints") or []
    found: list[FieldError] = []
    if not kind:
        found.append(errors.required("addressType"))
    elif kind not in _ADDRESS_TYPES:
        found.append(errors.unsupported("addressType", kind, _ADDRESS_TYPES))
    if len(endpoints) > _MOST_ENDPOINTS:
        found.append(errors.too_many("endpoints", len(endpoints), _MOST_ENDPOINTS))
    for index, endpoint in enumerate(endpoints[:_MOST_ENDPOINTS]):
        at, addresses = f"endpoints[{index}].addresses", endpoint.get("addresses") or []
        if not addresses:
            found.append(errors.required(at, "must contain at least 1 address"))
        elif len(addresses) > _MOST_ADDRESSES:
            found.append(errors.too_many(at, len(addresses), _MOST_ADDRESSES))
        for number, address in enumerate(addresses):
            complaints = _address(kind, address)
            found += [errors.invalid(f"{at}[{number}]", address, complaint) for complaint in complaints]
    found += _slice_ports(obj.get("ports") or [])
    if old is not None and old.get("addressType") != kind:
        found.append(errors.invalid("addressType", kind, "field is immutable"))
    return found


def _policy_port(port: Object, at: str) -> Iterator[FieldError]:
    protocol, number, end = port["protocol"], port.get("port"), port.get("endPort")
    if protocol not in _PROTOCOLS:
        yield errors.unsupported(f"{at}.protocol", protocol, _PROTOCOLS)
    if number is not None:
        yield from port_reference(number, f"{at}.port")
    if end is not None:
        field = f"{at}.endPort"
        if number is None:
            yield errors.invalid(field, end, "may not be specified when `port` is not specified")
        elif isinstance(number, str):
            yield errors.invalid(field, end, "may not be specified when `port` is non-numeric")
        elif end < number:
            yield errors.invalid(field, end, "must be greater than or equal to `port`")
        for complaint in names.port_number(end):
            yield errors.invalid(field, end, complaint)


def _peer(peer: Object, at: str) -> list[FieldError]:
    given = [part for part in ("podSelector", "namespaceSelector", "ipBlock") if part in peer]
    if not given:
        return [errors.required(at, "must specify a peer")]
    found: list[FieldError] = []
    for part in ("podSelector", "namespaceSelector"):
        if part in peer:
            found += selector(peer[part], f"{at}.{part}")
    if "ipBlock" in peer:
        found += _block(peer["ipBlock"], f"{at}.ipBlock")
        if len(given) > 1:
            found.append(errors.forbidden(at, "may not specify both ipBlock and another peer"))
    return found


def _block(block: Object, at: str) -> Iterator[FieldError]:
    text = block.get("cidr") or ""
    if not text:
        yield errors.required(f"{at}.cidr")
        return
    network = _network(text)
    if network is None:
        yield errors.invalid(f"{at}.cidr", text, _CIDR)
        return
    for index, inner in enumerate(block.get("except") or ()):
        hole, field = _network(inner), f"{at}.except[{index}]"
        if hole is None:
            yield errors.invalid(field, inner, _CIDR)
        elif hole.version != network.version or hole == network or not _inside(hole, network):
            yield errors.invalid(field, inner, "must be a strict subset of `cidr`")


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def _inside(hole: Any, network: Any) -> bool:
    return bool(hole.subnet_of(network))


def _host(host: str, field: str) -> list[FieldError]:
    if not host:
        return []
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return [errors.invalid(field, host, "must be a DNS name, not an IP address")]
    complaints = names.wildcard_subdomain(host) if "*" in host else names.dns_subdomain(host)
    return [errors.invalid(field, host, complaint) for complaint in complaints]


def _paths(paths: list[Object], field: str) -> Iterator[FieldError]:
    if not paths:
        yield errors.required(field)
    for index, entry in enumerate(paths):
        at, kind, path = f"{field}[{index}]", entry.get("pathType"), entry.get("path") or ""
        if not kind:
            yield errors.required(f"{at}.pathType", "pathType must be specified")
            continue
        if kind not in _PATH_TYPES:
            yield errors.unsupported(f"{at}.pathType", kind, _PATH_TYPES)
        elif not path.startswith("/") and (path or kind != "ImplementationSpecific"):
            yield errors.invalid(f"{at}.path", path, "must be an absolute path")
        if kind in ("Exact", "Prefix"):
            for part in _NOT_IN_PATHS:
                if part in path:
                    yield errors.invalid(f"{at}.path", path, f"must not contain '{part}'")
            for end in _NOT_AT_THE_END:
                if path.endswith(end):
                    yield errors.invalid(f"{at}.path", path, f"cannot end with '{end}'")
        yield from _backend(entry.get("backend") or {}, f"{at}.backend")


def _backend(backend: Object, at: str) -> Iterator[FieldError]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        yield errors.invalid(at, "", "cannot set both resource and service backends")
    elif resource is not None:
        for part in ("kind", "name"):
            if not resource.get(part):
                yield errors.required(f"{at}.resource.{part}")
    elif service is None:
        yield errors.invalid(at, "", "resource or service backend is required")
    else:
        yield from _service_backend(service, at)


def _service_backend(service: Object, at: str) -> Iterator[FieldError]:
    name, port = service.get("name") or "", service.get("port") or {}
    if not name:
        yield errors.required(f"{at}.service.name")
    elif complaints := names.dns_label(name):
        for complaint in complaints:
            yield errors.invalid(f"{at}.service.name", name, complaint)
    if port.get("name") and port.get("number"):
        yield errors.invalid(at, "", "cannot set both port name & port number")
    elif port.get("name"):
        yield from port_reference(port["name"], f"{at}.service.port.name")
    elif port.get("number"):
        yield from port_reference(port["number"], f"{at}.service.port.number")
    else:
        yield errors.required(at, "port name or number is required")


def _address(kind: str, address: str) -> list[str]:
    if kind == "FQDN":
        return names.dns_subdomain(address)
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        found = None
    if kind in ("IPv4", "IPv6") and (found is None or f"IPv{found.version}" != kind):
        return [f"must be a valid {kind} address"]
    special = {
        f"may not be unspecified ({address})": found is not None and found.is_unspecified,
        "may not be in the loopback range (127.0.0.0/8, ::1/128)": found is not None and found.is_loopback,
        "may not be in the link-local range (169.254.0.0/16, fe80::/10)": (
            found is not None and found.is_link_local
        ),
    }
    return [complaint for complaint, holds in special.items() if holds]


def _slice_ports(ports: list[Object]) -> Iterator[FieldError]:
    taken: set[str] = set()
    for index, port in enumerate(ports):
        at, name = f"ports[{index}]", port.get("name") or ""
        for complaint in names.dns_label(name) if name else ():
            yield errors.invalid(f"{at}.name", name, complaint)
        if name in taken:
            yield errors.duplicate(f"{at}.name", name)
        taken.add(name)
        if port["protocol"] not in _PROTOCOLS:
            yield errors.unsupported(f"{at}.protocol", port["protocol"], sorted(_PROTOCOLS))
