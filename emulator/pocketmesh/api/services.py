"""Addresses and ports of Services: which are given out, which may be asked for.

Follows k8s.io/kubernetes/pkg/registry/core/service: single-stack IPv4, the upper part of the range
for automatic addresses so that fixed ones in the lower part stay free. Pure: the Services that
exist come in as an argument, so nothing has to be kept in step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Final

from pocketmesh.objects import Object
from pocketmesh.schema.errors import FieldError, invalid

NETWORK: Final = IPv4Network("10.96.0.0/16")
KUBERNETES: Final = "10.96.0.1"
DNS: Final = "10.96.0.10"
_FIRST_AUTOMATIC: Final = 257
_NODE_PORTS: Final = range(30000, 32768)
_WITH_NODE_PORTS: Final = ("NodePort", "LoadBalancer")


class Refused(Exception):
    """The Service asks for something that cannot be given; carries the findings."""

    def __init__(self, *problems: FieldError) -> None:
        super().__init__(*problems)
        self.problems = problems


def allocated(service: Object, old: Object | None, others: Iterable[Object]) -> Object:
    """The Service with its cluster address, address families and node ports. Raises Refused."""
    spec = {**(service.get("spec") or {})}
    before = (old or {}).get("spec") or {}
    kind = spec.get("type") or "ClusterIP"
    existing = list(others)
    if kind == "ExternalName":
        for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            spec.pop(field, None)
    else:
        _address(spec, before, existing)
        _node_ports(spec, before, existing, wanted=kind in _WITH_NODE_PORTS)
    return {**service, "spec": spec}


def _address(spec: Object, before: Object, existing: list[Object]) -> None:
    asked = spec.get("clusterIP") or next(iter(spec.get("clusterIPs") or []), "")
    held = before.get("clusterIP")
    if asked and held and asked != held:
        raise Refused(invalid("spec.clusterIPs[0]", [asked], "may not change once set"))
    address = asked or held
    if not address:
        taken = {(service.get("spec") or {}).get("clusterIP") for service in existing} | {KUBERNETES, DNS}
        address = next(free for free in _candidates() if free not in taken)
    elif address not in ("None", held):
        _check_address(address, existing)
    spec["clusterIP"] = address
    spec["clusterIPs"] = [address]
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")


def _candidates() -> Iterator[str]:
    first, count = int(NETWORK.network_address), NETWORK.num_addresses - 1
    for offset in (*range(_FIRST_AUTOMATIC, count), *range(1, _FIRST_AUTOMATIC)):
        yield str(IPv4Address(first + offset))


def _check_address(address: str, existing: list[Object]) -> None:
    try:
        inside = IPv4Address(address) in NETWORK
    except AddressValueError:
        why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        raise Refused(invalid("spec.clusterIPs[0]", address, why)) from None
    why = ""
    if not inside:
        why = f"the provided IP ({address}) is not in the valid range. The range of valid IPs is {NETWORK}"
    if any((service.get("spec") or {}).get("clusterIP") == address for service in existing):
        why = "provided IP is already allocated"
    if why:
        raise Refused(invalid("spec.clusterIPs", [address], f"failed to allocate IP {address}: {why}"))


def _node_ports(spec: Object, before: Object, existing: list[Object], *, wanted: bool) -> None:
    ports = [{**port} for port in spec.get("ports") or []]
    spec["ports"] = ports
    held = {_port_id(port): port.get("nodePort") for port in before.get("ports") or []}
    own = {port for port in held.values() if port}
    taken = {
        port["nodePort"]
        for service in existing
        for port in (service.get("spec") or {}).get("ports") or []
        if port.get("nodePort")
    }
    given: set[int] = set()
    for index, port in enumerate(ports):
        asked = port.get("nodePort")
        if not wanted:
            # A port that was only inherited from a NodePort Service goes away with the type.
            if asked in own:
                port.pop("nodePort")
            continue
        if asked:
            _check_node_port(asked, index, taken - own)
        else:
            kept = held.get(_port_id(port))
            asked = kept or next(free for free in _NODE_PORTS if free not in taken | given | own)
        given.add(asked)
        port["nodePort"] = asked
    if not ports:
        spec.pop("ports")


def _check_node_port(asked: int, index: int, taken: set[int]) -> None:
    field = f"spec.ports[{index}].nodePort"
    if asked not in _NODE_PORTS:
        why = "provided port is not in the valid range. The range of valid ports is 30000-32767"
        raise Refused(invalid(field, asked, why))
    if asked in taken:
        raise Refused(invalid(field, asked, "provided port is already allocated"))


def _port_id(port: Object) -> tuple[str, int]:
    return (port.get("protocol") or "TCP", port.get("port") or 0)
