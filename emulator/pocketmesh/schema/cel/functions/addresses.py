"""Kubernetes' IP address and CIDR libraries: no zones, no IPv4 addresses dressed as IPv6."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface
from typing import Any, TypeAlias

from pocketmesh.schema.cel.errors import EvaluationError

_Address: TypeAlias = IPv4Address | IPv6Address


def _parsed(text: str) -> _Address:
    if "%" in text:
        raise ValueError(f'IP address "{text}" with zone value is not allowed')
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        raise ValueError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return address


def _ip(value: Any) -> dict[str, str]:
    """`ip("10.0.0.1")`, and `cidr("10.0.0.1/8").ip()`."""
    if isinstance(value, dict):
        return {"ip": value["cidr"].partition("/")[0]}
    try:
        return {"ip": str(_parsed(value))}
    except ValueError as error:
        raise EvaluationError(f"IP Address parse error during conversion from string: {error}") from error


def _cidr(text: str) -> dict[str, str]:
    try:
        address, slash, length = text.partition("/")
        if not slash or not length.isdecimal() or (length.startswith("0") and length != "0"):
            raise ValueError(f'no prefix length in "{text}"')
        return {"cidr": f"{_parsed(address)}/{ip_interface(text).network.prefixlen}"}
    except ValueError as error:
        raise EvaluationError(
            f"network address parse error during conversion from string: {error}"
        ) from error


def _accepts(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def accepted(text: str) -> bool:
        try:
            parse(text)
        except EvaluationError:
            return False
        return True

    return accepted


def _of(value: Any) -> _Address:
    return ip_address(value["ip"])


def _contains_ip(network: Any, address: Any) -> bool:
    wanted = _of(_ip(address) if isinstance(address, str) else address)
    return wanted in ip_interface(network["cidr"]).network


def _contains_cidr(network: Any, part: Any) -> bool:
    inner = ip_interface((_cidr(part) if isinstance(part, str) else part)["cidr"])
    outer = ip_interface(network["cidr"]).network
    return outer.prefixlen <= inner.network.prefixlen and inner.ip in outer


def _is_canonical(text: str) -> bool:
    return _ip(text)["ip"] == text


def _is_global_unicast(value: Any) -> bool:
    address = _of(value)
    broadcast = str(address) == "255.255.255.255"
    special = address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local
    return not (special or broadcast)


def _is_link_local_multicast(value: Any) -> bool:
    network = "224.0.0.0/24" if _of(value).version == 4 else "ff02::/16"
    return _of(value) in ip_interface(network).network


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "cidr": _cidr,
    "containsCIDR": _contains_cidr,
    "containsIP": _contains_ip,
    "family": lambda value: _of(value).version,
    "ip": _ip,
    "ip.isCanonical": _is_canonical,
    "isCIDR": _accepts(_cidr),
    "isGlobalUnicast": _is_global_unicast,
    "isIP": _accepts(_ip),
    "isLinkLocalMulticast": _is_link_local_multicast,
    "isLinkLocalUnicast": lambda value: _of(value).is_link_local,
    "isLoopback": lambda value: _of(value).is_loopback,
    "isUnspecified": lambda value: _of(value).is_unspecified,
    "masked": lambda value: {"cidr": str(ip_interface(value["cidr"]).network)},
    "prefixLength": lambda value: ip_interface(value["cidr"]).network.prefixlen,
}
