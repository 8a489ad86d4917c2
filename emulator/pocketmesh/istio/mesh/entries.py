"""ServiceEntries as services of the mesh: each of their hosts is one, with ports and endpoints of its own.

Names of endpoints are looked up here and now, so a mesh says where connections can go; a name that nobody
knows has no endpoint. `exportTo` has no effect, as in ztunnel.
Upstream: istio/istio pilot/pkg/serviceregistry/ambient/{serviceentry,workloads}.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from pocketmesh.istio.resources import OPT_OUT_OF_ALLOCATION
from pocketmesh.net.services import Endpoint, Place, ServicePort, ServiceTable
from pocketmesh.objects import Object, is_true, labels_of, name_of, namespace_of

BY_NAME: Final = frozenset({"DNS", "DNS_ROUND_ROBIN"})


@dataclass(frozen=True, slots=True)
class Entry:
    """What a ServiceEntry says of one of its hosts; `name` is the ServiceEntry's.

    `addresses` are the virtual ones at which ztunnel answers.
    """

    name: str
    addresses: tuple[str, ...] = ()
    resolution: str = "NONE"


@dataclass(frozen=True, slots=True)
class Registered:
    """The services that are not Kubernetes': the ports and the entry of each, and who has which address."""

    ports: Mapping[Place, tuple[ServicePort, ...]]
    addresses: Mapping[str, Place]
    entries: Mapping[Place, Entry]

    @property
    def services(self) -> dict[Place, tuple[Place, ...]]:
        """The services of each ServiceEntry."""
        found: dict[Place, tuple[Place, ...]] = {}
        for place, entry in self.entries.items():
            owner = (place[0], entry.name)
            found[owner] = (*found.get(owner, ()), place)
        return found


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What endpoints are found in: pods and WorkloadEntries, the Services' ports by full name, and the
    addresses of the names outside the cluster."""

    pods: Iterable[Object]
    workload_entries: Iterable[Object]
    table: ServiceTable
    outside: Mapping[str, str]


def registered(entries: Iterable[Object], around: Surroundings) -> Registered:
    """The services of these ServiceEntries. Of several for one host in a namespace the oldest counts, and so
    for an address."""
    ports: dict[Place, tuple[ServicePort, ...]] = {}
    addresses: dict[str, Place] = {}
    found: dict[Place, Entry] = {}
    for item in sorted(entries, key=_age):
        for host in item["spec"].get("hosts") or []:
            place = place_of_host(namespace_of(item), host)
            if place in found:
                continue
            resolution = item["spec"].get("resolution") or "NONE"
            entry = found[place] = Entry(name_of(item), _addresses(item, host), resolution)
            ports[place] = tuple(_ports(item, place, host, entry, around))
            for ip in entry.addresses:
                addresses.setdefault(ip, place)
    return Registered(ports, addresses, found)


def place_of_host(namespace: str, host: str) -> Place:
    """Where a host is kept: under a name with a dot, which no Service has."""
    host = host.lower()
    return namespace, host if "." in host else f"{host}."


def _age(entry: Object) -> tuple[str, str, str]:
    return str(entry["metadata"].get("creationTimestamp", "")), namespace_of(entry), name_of(entry)


def _covers(host: str, name: str) -> bool:
    return name.endswith(host[1:]) if host.startswith("*") else name == host


def _addresses(item: Object, host: str) -> tuple[str, ...]:
    given = item["spec"].get("addresses") or []
    if not given and labels_of(item).get(OPT_OUT_OF_ALLOCATION) != "false":
        allocated = (item.get("status") or {}).get("addresses") or []
        given = [entry.get("value", "") for entry in allocated if entry.get("host") == host]
    return tuple(ip for text in given if _is_ipv4(ip := text.removesuffix("/32")))


def _ports(
    item: Object, place: Place, host: str, entry: Entry, around: Surroundings
) -> Iterator[ServicePort]:
    for port in item["spec"].get("ports") or []:
        spoken = str(port.get("protocol") or "").lower()
        target = int(port.get("targetPort") or port["number"])
        endpoints = {(end.ip, end.port): end for end in _endpoints(item, host, port, target, entry, around)}
        yield ServicePort(
            service=place,
            name=port["name"],
            port=int(port["number"]),
            protocol="UDP" if spoken == "udp" else "TCP",
            app_protocol=spoken,
            endpoints=tuple(endpoints[key] for key in sorted(endpoints)),
            by_host=entry.resolution == "DYNAMIC_DNS",
        )


def _endpoints(
    item: Object, host: str, port: Object, target: int, entry: Entry, around: Surroundings
) -> Iterator[Endpoint]:
    spec = item["spec"]
    if selector := (spec.get("workloadSelector") or {}).get("labels"):
        yield from _selected(selector, namespace_of(item), port["name"], target, around)
        return
    match entry.resolution:
        case "NONE":
            yield from (Endpoint(ip, target) for ip in entry.addresses)
        case "DYNAMIC_DNS":
            known = [(name, ip) for name, ip in around.outside.items() if _covers(host.lower(), name)]
            yield from (Endpoint(ip, target, hostname=name) for name, ip in known)
        case resolution:
            inlined = spec.get("endpoints") or ([{"address": host}] if resolution in BY_NAME else [])
            for end in inlined:
                number = int((end.get("ports") or {}).get(port["name"]) or target)
                yield from _at(str(end.get("address") or ""), number, around)


def _selected(
    selector: Mapping[str, str], namespace: str, port: str, target: int, around: Surroundings
) -> Iterator[Endpoint]:
    def chosen(labels: Mapping[str, str]) -> bool:
        return all(labels.get(key) == value for key, value in selector.items())

    for pod in around.pods:
        ip = (pod.get("status") or {}).get("podIP")
        if ip and namespace_of(pod) == namespace and chosen(labels_of(pod)):
            yield Endpoint(ip, target, ready=is_true(pod, "Ready"), pod=name_of(pod))
    for item in around.workload_entries:
        if namespace_of(item) == namespace and chosen(
            {**labels_of(item), **(item["spec"].get("labels") or {})}
        ):
            number = int((item["spec"].get("ports") or {}).get(port) or target)
            yield from _at(str(item["spec"].get("address") or ""), number, around)


def _at(address: str, port: int, around: Surroundings) -> Iterable[Endpoint]:
    """An address as an endpoint; a name as those that it stands for."""
    name = address.rstrip(".").lower()
    if _is_ipv4(name):
        return (Endpoint(name, port),)
    if name in around.outside:
        return (Endpoint(around.outside[name], port),)
    service, _, rest = name.partition(".")
    namespace, _, domain = rest.partition(".")
    if domain not in {"", "svc", "svc.cluster.local"}:
        return ()
    found = around.table.port((namespace, service), port)
    return found.endpoints if found is not None else ()


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
