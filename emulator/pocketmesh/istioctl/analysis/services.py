"""Ports whose protocol has to be guessed, missing addresses, and hosts and subsets that are not there.

Upstream: istio/istio pkg/config/analysis/analyzers/{service,serviceentry,virtualservice,destinationrule}.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pocketmesh.istioctl.analysis.findings import Finding
from pocketmesh.istioctl.analysis.world import World
from pocketmesh.objects import Object, labels_of, name_of, namespace_of, selects

_PROTOCOLS: Final = frozenset(
    ("grpc", "hbone", "http", "http2", "https", "mongo", "mysql", "redis", "tcp", "tls", "udp")
)
_WELL_KNOWN: Final = frozenset({25, 53, 3306, 27017})
"""Ports that are TCP whatever they are called (pkg/config/kube/conversion.go)."""

_ISTIO: Final = "networking.istio.io"
_DOMAIN: Final = "svc.cluster.local"


def ports(world: World) -> Iterator[Finding]:
    """Services' ports that do not say their protocol."""
    for service in world.all("Service"):
        if (namespace_of(service), name_of(service)) == ("default", "kubernetes"):
            continue
        for port in service["spec"].get("ports") or []:
            said = port.get("appProtocol") or port.get("name") or ""
            known = said.partition("-")[0].lower() in _PROTOCOLS or "/" in said
            if not known and port.get("protocol", "TCP") == "TCP" and port["port"] not in _WELL_KNOWN:
                target = port.get("targetPort", port["port"])
                yield Finding(
                    "Info",
                    "IST0118",
                    service,
                    f"Port name {port.get('name', '')} (port: {port['port']}, targetPort: {target}) "
                    "doesn't follow the naming convention of Istio port.",
                )


def addresses(world: World) -> Iterator[Finding]:
    """ServiceEntries that cannot be told apart by anything but an address, and have none."""
    for entry in world.all("ServiceEntry"):
        spec = entry.get("spec") or {}
        protocols = {(port.get("protocol") or "TCP").upper() for port in spec.get("ports") or []}
        if protocols & {"TCP", "MONGO", "MYSQL", "REDIS"} and not _addressed(entry):
            yield Finding(
                "Warning", "IST0134", entry, "ServiceEntry addresses are required for this protocol."
            )


def destinations(world: World) -> Iterator[Finding]:
    """DestinationRules of services and subsets that are not there."""
    for rule in world.all("DestinationRule"):
        spec = rule.get("spec") or {}
        host = spec.get("host", "")
        found = _service(world, host, namespace_of(rule))
        if found is None:
            if not _is_known(world, host, namespace_of(rule)):
                text = (
                    f"The host {host} defined in the DestinationRule does not match any services in the mesh."
                )
                yield Finding("Warning", "IST0174", rule, text)
            continue
        for subset in spec.get("subsets") or []:
            wanted = {**(found["spec"].get("selector") or {}), **(subset.get("labels") or {})}
            pods = (it for it in world.everywhere("Pod") if namespace_of(it) == namespace_of(found))
            if not any(selects(wanted, labels_of(pod)) for pod in pods):
                yield Finding(
                    "Error",
                    "IST0173",
                    rule,
                    f"The Subset {subset['name']} defined in the DestinationRule does not select any pods. "
                    "Which may lead to 503 UH (NoHealthyUpstream).",
                )


def references(world: World) -> Iterator[Finding]:
    """VirtualServices that lead to gateways, hosts or subsets that are not there."""
    for route in world.all("VirtualService"):
        spec, namespace = route.get("spec") or {}, namespace_of(route)
        for gateway in spec.get("gateways") or []:
            place, _, name = gateway.rpartition("/")
            if gateway != "mesh" and not world.has("Gateway", place or namespace, name, _ISTIO):
                yield Finding("Error", "IST0101", route, f'Referenced gateway not found: "{gateway}"')
        for destination in _destinations(spec):
            host, subset = destination.get("host", ""), destination.get("subset")
            if not _is_known(world, host, namespace):
                yield Finding("Error", "IST0101", route, f'Referenced host not found: "{host}"')
            elif subset and not _has_subset(world, host, subset, namespace):
                text = f'Referenced host+subset in destinationrule not found: "{host}+{subset}"'
                yield Finding("Error", "IST0101", route, text)


def _addressed(entry: Object) -> bool:
    return bool((entry.get("spec") or {}).get("addresses") or (entry.get("status") or {}).get("addresses"))


def _destinations(spec: Object) -> Iterator[Object]:
    for protocol in ("http", "tcp", "tls"):
        for rule in spec.get(protocol) or []:
            yield from (it.get("destination") or {} for it in rule.get("route") or [])
            if rule.get("mirror"):
                yield rule["mirror"]


def _service(world: World, host: str, namespace: str) -> Object | None:
    wanted = _full(host, namespace)
    return next(
        (it for it in world.everywhere("Service", "") if _full(name_of(it), namespace_of(it)) == wanted), None
    )


def _is_known(world: World, host: str, namespace: str) -> bool:
    """Whether a host is a Service's or a ServiceEntry's; one with a wildcard is taken to be."""
    if host.startswith("*") or _service(world, host, namespace) is not None:
        return True
    hosts = (it for entry in world.everywhere("ServiceEntry") for it in entry["spec"].get("hosts") or [])
    return any(it == host or (it.startswith("*.") and host.endswith(it[1:])) for it in hosts)


def _has_subset(world: World, host: str, subset: str, namespace: str) -> bool:
    wanted = _full(host, namespace)
    return any(
        _full(rule["spec"].get("host", ""), namespace_of(rule)) == wanted
        and any(it["name"] == subset for it in rule["spec"].get("subsets") or [])
        for rule in world.everywhere("DestinationRule")
    )


def _full(host: str, namespace: str) -> str:
    """A host as everybody can say it: a short name is that of a Service beside the object that says it."""
    return host if "." in host else f"{host}.{namespace}.{_DOMAIN}"
