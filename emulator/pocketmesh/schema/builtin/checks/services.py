"""Services (upstream: `pkg/apis/core/validation`, `validateService`)."""

from __future__ import annotations

from typing import Final

from pocketmesh.objects import Object
from pocketmesh.schema import errors, metadata, names
from pocketmesh.schema.builtin.checks.pods import port_reference
from pocketmesh.schema.errors import FieldError

_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_AFFINITIES: Final = ("ClientIP", "None")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")


def service(obj: Object, old: Object | None) -> list[FieldError]:
    """A Service; its address stays once it has one."""
    spec = obj["spec"]
    kind, ports = spec["type"], spec.get("ports", [])
    found: list[FieldError] = []
    if old is not None:
        _same_address(spec, old.get("spec", {}), found)
    if kind not in _TYPES:
        found.append(errors.unsupported("spec.type", kind, _TYPES))
    if kind == "ExternalName":
        found += _external_name(spec.get("externalName", ""))
    elif not ports and spec.get("clusterIP") != "None":
        found.append(errors.required("spec.ports"))
    if kind in ("NodePort", "LoadBalancer") and spec.get("clusterIP") == "None":
        rule = f"may not be set to 'None' for {kind} services"
        found.append(errors.invalid("spec.clusterIPs[0]", "None", rule))
    _ports(ports, kind, found)
    found += metadata.labels(spec.get("selector", {}), "spec.selector")
    if spec["sessionAffinity"] not in _AFFINITIES:
        found.append(errors.unsupported("spec.sessionAffinity", spec["sessionAffinity"], _AFFINITIES))
    return found


def _same_address(spec: Object, before: Object, found: list[FieldError]) -> None:
    addresses = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    held = before.get("clusterIPs") or []
    external = "ExternalName" in (spec["type"], before.get("type"))
    if not external and addresses and held and addresses[0] != held[0]:
        found.append(errors.invalid("spec.clusterIPs[0]", addresses, "may not change once set"))


def _external_name(name: str) -> list[FieldError]:
    if not name:
        return [errors.required("spec.externalName")]
    complaints = names.dns_subdomain(name.removesuffix("."))
    return [errors.invalid("spec.externalName", name, complaint) for complaint in complaints]


def _ports(ports: list[Object], kind: str, found: list[FieldError]) -> None:
    taken: set[str] = set()
    numbers: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        at, name, number = f"spec.ports[{index}]", port.get("name", ""), port.get("port", 0)
        if not name and len(ports) > 1:
            found.append(errors.required(f"{at}.name"))
        elif name:
            found += [errors.invalid(f"{at}.name", name, complaint) for complaint in names.dns_label(name)]
            if name in taken:
                found.append(errors.duplicate(f"{at}.name", name))
            taken.add(name)
        found += [errors.invalid(f"{at}.port", number, complaint) for complaint in names.port_number(number)]
        protocol = port["protocol"]
        if protocol not in _PROTOCOLS:
            found.append(errors.unsupported(f"{at}.protocol", protocol, _PROTOCOLS))
        if port.get("targetPort") is not None:
            found += port_reference(port["targetPort"], f"{at}.targetPort")
        if "appProtocol" in port:
            complaints = names.label_key(port["appProtocol"])
            found += [errors.invalid(f"{at}.appProtocol", port["appProtocol"], text) for text in complaints]
        if port.get("nodePort") and kind == "ClusterIP":
            rule = "may not be used when `type` is 'ClusterIP'"
            found.append(errors.forbidden(f"{at}.nodePort", rule))
        if (protocol, number) in numbers:
            found.append(errors.duplicate(at, {"protocol": protocol, "port": number}))
        numbers.add((protocol, number))
