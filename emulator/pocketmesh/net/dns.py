"""The cluster's DNS, as a pod sees it through its resolver's search list.

Only names of this cluster exist, and those of the emulated hosts outside. Any other name is answered like
one that nobody registered, so no program in a pod can learn an address of the real world.
Specification: https://github.com/kubernetes/dns/blob/master/docs/specification.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from pocketmesh.net.services import ServiceTable, virtual_addresses
from pocketmesh.node.network import NameNotFound
from pocketmesh.objects import Object, name_of, namespace_of

DOMAIN: Final = "cluster.local"
_NDOTS: Final = 5
_LONGEST_CHAIN: Final = 8
_POD_NAME: Final = re.compile(r"(\d+)-(\d+)-(\d+)-(\d+)\.[a-z0-9-]+\.pod\.cluster\.local")


@dataclass(frozen=True, slots=True)
class Zone:
    """What the cluster's name server knows: absolute names without the last dot, in lower case."""

    addresses: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, str]


def zone(services: Iterable[Object], table: ServiceTable, outside: Mapping[str, str] | None = None) -> Zone:
    """The records of all Services: virtual addresses, ready pods of headless ones, ExternalName aliases;
    and the address of each host outside."""
    addresses: dict[str, tuple[str, ...]] = {host: (ip,) for host, ip in (outside or {}).items()}
    aliases: dict[str, str] = {}
    for service in services:
        namespace, name = namespace_of(service), name_of(service)
        host = f"{name}.{namespace}.svc.{DOMAIN}"
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            aliases[host] = str(spec.get("externalName", "")).rstrip(".").lower()
        elif spec.get("clusterIP") == "None":
            addresses.update(_headless(host, table, (namespace, name)))
        elif found := virtual_addresses(service):
            addresses[host] = tuple(found[:1])
    return Zone(addresses, aliases)


def resolve(records: Zone, namespace: str, name: str) -> list[str]:
    """The IPv4 addresses of a name in a pod of `namespace`; an address is its own name.

    Raises NameNotFound.
    """
    if _is_address(name):
        return [name]
    if name.rstrip(".").lower() == "localhost":
        return ["127.0.0.1"]
    for candidate in candidates(namespace, name):
        if found := _look_up(records, candidate):
            return list(found)
    raise NameNotFound(name)


def candidates(namespace: str, name: str) -> list[str]:
    """The absolute names that a pod's resolver asks for, in order (resolv.conf: search, ndots:5)."""
    lower = name.lower()
    if lower.endswith("."):
        return [lower[:-1]]
    search = [f"{lower}.{suffix}" for suffix in (f"{namespace}.svc.{DOMAIN}", f"svc.{DOMAIN}", DOMAIN)]
    return [lower, *search] if lower.count(".") >= _NDOTS else [*search, lower]


def _look_up(records: Zone, name: str) -> tuple[str, ...]:
    for _ in range(_LONGEST_CHAIN):
        if name in records.addresses:
            return records.addresses[name]
        if pod := _POD_NAME.fullmatch(name):
            ip = ".".join(pod.groups())
            return (ip,) if _is_address(ip) else ()
        if name not in records.aliases:
            return ()
        name = records.aliases[name]
    return ()


def _headless(host: str, table: ServiceTable, service: tuple[str, str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for port in table.ports.get(service, ()):
        for endpoint in port.ready:
            names = [host, f"{endpoint.hostname}.{host}"] if endpoint.hostname else [host]
            for name in names:
                if endpoint.ip not in found.setdefault(name, []):
                    found[name].append(endpoint.ip)
    return {name: tuple(ips) for name, ips in found.items()}


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
