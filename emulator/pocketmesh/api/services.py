"""Addresses and ports of Services: which are given out, which may be asked for.

Follows k8s.io/kubernetes/pkg/registry/core/service: single-stack IPv4, the upper part of the range
for automatic addresses so that fixed ones in the lower part stay free. Pure: what is given out comes in
as an argument.
"""

from __future__ import annotations

import random
from collections.abc import Container, Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from itertools import chain
from typing import Final, TypeAlias

from pocketmesh.objects import Object
from pocketmesh.schema.errors import FieldError, invalid

NETWORK: Final = IPv4Network("10.96.0.0/16")
KUBERNETES: Final = "10.96.0.1"
DNS: Final = "10.96.0.10"
_FIRST_AUTOMATIC: Final = 257
_NODE_PORTS: Final = range(30000, 32768)
_FIRST_AUTOMATIC_PORT: Final = 86
_WITH_NODE_PORTS: Final = ("NodePort", "LoadBalancer")
_OF_ADDRESS: Final = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")


Taken: TypeAlias = Container[str | int]
"""The addresses and node ports that Services have."""


class Refused(Exception):
    """The Service asks for something that cannot be given; carries the findings."""

    def __init__(self, *problems: FieldError) -> None:
        super().__init__(*problems)
        self.problems = problems


def carried_over(service: Object, old: Object) -> Object:
    """An update that does not speak of what was allocated keeps it, unless the type has no use for it."""
    spec, before = {**(service.get("spec") or {})}, old.get("spec") or {}
    kind, was = spec.get("type") or "ClusterIP", before.get("type") or "ClusterIP"
    if kind == "ExternalName" and was != kind:
        for field in _OF_ADDRESS:
            if spec.get(field) == before.get(field):
                spec.pop(field, None)
    elif kind != "ExternalName" and was != "ExternalName" and not spec.get("clusterIP"):
        spec.update({field: before[field] for field in ("clusterIP", "clusterIPs") if field in before})
    if kind not in _WITH_NODE_PORTS and was in _WITH_NODE_PORTS:
        held = {port.get("nodePort") for port in before.get("ports") or []}
        spec["ports"] = [_without_node_port(port, held) for port in spec.get("ports") or []]
    return {**service, "spec": spec}


def _without_node_port(port: Object, held: set[int | None]) -> Object:
    if port.get("nodePort") not in held:
        return port
    return {field: value for field, value in port.items() if field != "nodePort"}


def held(service: Object) -> list[str | int]:
    """The cluster address and the node ports that a Service has."""
    spec = service.get("spec") or {}
    ports: list[str | int] = [port["nodePort"] for port in spec.get("ports") or [] if port.get("nodePort")]
    return [spec["clusterIP"], *ports] if spec.get("clusterIP") else ports


def allocated(service: Object, old: Object | None, taken: Taken) -> Object:
    """The Service with its cluster address, address families and node ports. Raises Refused."""
    spec = {**(service.get("spec") or {})}
    before = (old or {}).get("spec") or {}
    kind = spec.get("type") or "ClusterIP"
    if kind == "ExternalName":
        return service
    _address(spec, before.get("clusterIP", ""), taken)
    if kind in _WITH_NODE_PORTS and spec.get("ports"):
        spec["ports"] = _node_ports(spec["ports"], before.get("ports") or [], taken)
    return {**service, "spec": spec}


def _address(spec: Object, own: str, taken: Taken) -> None:
    address = spec.get("clusterIP") or next(iter(spec.get("clusterIPs") or []), "")
    if not address:
        address = next(free for free in _candidates() if free not in taken)
    elif address not in ("None", own):
        _check_address(address, taken)
    spec["clusterIP"] = address
    spec["clusterIPs"] = [address]
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")


def _candidates() -> Iterator[str]:
    place = str(NETWORK.network_address).removesuffix(".0.0")
    for offset in chain(range(_FIRST_AUTOMATIC, NETWORK.num_addresses - 1), range(1, _FIRST_AUTOMATIC)):
        address = f"{place}.{offset >> 8}.{offset & 255}"
        if address not in (KUBERNETES, DNS):
            yield address


def _check_address(address: str, taken: Taken) -> None:
    try:
        inside = IPv4Address(address) in NETWORK
    except AddressValueError:
        why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        raise Refused(invalid("spec.clusterIPs[0]", address, why)) from None
    why = ""
    if not inside:
        why = f"the provided IP ({address}) is not in the valid range. The range of valid IPs is {NETWORK}"
    if address in taken:
        why = "provided IP is already allocated"
    if why:
        raise Refused(invalid("spec.clusterIPs", [address], f"failed to allocate IP {address}: {why}"))


def _node_ports(ports: list[Object], before: list[Object], taken: Taken) -> list[Object]:
    own = {_port_id(port): port["nodePort"] for port in before if port.get("nodePort")}
    asked = {port["nodePort"] for port in ports if port.get("nodePort")} | set(own.values())
    free = (number for number in _in_no_order() if number not in taken and number not in asked)
    result: list[Object] = []
    for index, port in enumerate(ports):
        number = port.get("nodePort")
        if number:
            _check_node_port(number, index, taken if number not in own.values() else ())
        result.append({**port, "nodePort": number or own.get(_port_id(port)) or next(free)})
    return result


def _in_no_order() -> Iterator[int]:
    """Ports to give out: of no order, so that clusters on one machine rarely meet, and low ones last."""
    automatic, rest = _NODE_PORTS[_FIRST_AUTOMATIC_PORT:], _NODE_PORTS[:_FIRST_AUTOMATIC_PORT]
    for ports in (automatic, rest):
        yield from random.sample(ports, len(ports))


def _check_node_port(asked: int, index: int, taken: Taken) -> None:
    field = f"spec.ports[{index}].nodePort"
    if asked not in _NODE_PORTS:
        why = "provided port is not in the valid range. The range of valid ports is 30000-32767"
        raise Refused(invalid(field, asked, why))
    if asked in taken:
        raise Refused(invalid(field, asked, "provided port is already allocated"))


def _port_id(port: Object) -> tuple[str, int]:
    return (port.get("protocol") or "TCP", port.get("port") or 0)
