"""The patches of EnvoyFilters that a proxy obeys, in the order in which they are applied.

Upstream: istio/istio pilot/pkg/model/{envoyfilter,push_context}.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pocketmesh.istio.envoy.xds import Json
from pocketmesh.istio.mesh.attachments import Extension, Proxy
from pocketmesh.istio.mesh.model import ROOT_NAMESPACE, Mesh
from pocketmesh.net.services import Place
from pocketmesh.objects import Object
from pocketmesh.versions import ISTIO

_CONTEXTS: Final = {"waypoint": "WAYPOINT", "router": "GATEWAY"}


@dataclass(frozen=True, slots=True)
class Match:
    """Where a change is made: all that is given must be so. `hosts` are the services that an EnvoyFilter
    names, None when it names none and means everything."""

    hosts: frozenset[str] | None = None
    port: int = 0
    listener: str = ""
    listener_filter: str = ""
    chain: str = ""
    sni: str = ""
    filter: str = ""
    sub_filter: str = ""
    routes: str = ""
    gateway: str = ""
    virtual_host: str = ""
    domain: str = ""
    route: str = ""
    action: str = ""
    cluster: str = ""
    service: str = ""
    subset: str = ""


@dataclass(frozen=True, slots=True)
class Patch:
    """One change; `shown` names the EnvoyFilter."""

    shown: str
    apply_to: str
    operation: str
    value: Json
    match: Match = field(default_factory=Match)

    @property
    def is_extension(self) -> bool:
        """Whether it says what a filter is that another patch only names."""
        return self.apply_to == "EXTENSION_CONFIG"


def patches_of(mesh: Mesh, proxy: Proxy) -> Iterator[Patch]:
    """The patches for a proxy: those of the root namespace come first, then by priority and age."""
    reaching = [
        (item, _hosts(item, proxy, mesh)) for item in mesh.envoy_filters if _reaches(item, proxy, mesh)
    ]
    for item, hosts in sorted(reaching, key=lambda pair: _order(pair[0])):
        for entry in item.spec.get("configPatches") or ():
            match = entry.get("match") or {}
            if not _applies(match, proxy):
                continue
            patch = entry.get("patch") or {}
            yield Patch(
                shown=item.shown,
                apply_to=str(entry.get("applyTo", "")),
                operation=str(patch.get("operation", "")),
                value=patch.get("value") or {},
                match=_match(match, hosts),
            )


def _order(item: Extension) -> tuple[bool, int, tuple[str, str, str]]:
    return item.namespace != ROOT_NAMESPACE, int(item.spec.get("priority") or 0), item.age


def _reaches(item: Extension, proxy: Proxy, mesh: Mesh) -> bool:
    """Waypoints want to be named; gateways also obey their namespace, the whole mesh, and selectors."""
    if not item.targets:
        return proxy.kind == "router" and item.selects(proxy)
    return _names(item, proxy) or bool(_hosts(item, proxy, mesh))


def _names(item: Extension, proxy: Proxy) -> bool:
    return not set(proxy.places).isdisjoint(item.targets)


def _hosts(item: Extension, proxy: Proxy, mesh: Mesh) -> frozenset[str] | None:
    if not item.targets or _names(item, proxy):
        return None
    gateway: Place = (proxy.namespace, proxy.name)
    return frozenset(
        host
        for host, place in mesh.hosts.items()
        if mesh.object_of(place) in item.targets and mesh.waypoint_of(place) == gateway
    )


def _applies(match: Object, proxy: Proxy) -> bool:
    if match.get("context", "ANY") not in {"ANY", _CONTEXTS[proxy.kind]}:
        return False
    wanted = match.get("proxy") or {}
    known = {"NAMESPACE": proxy.namespace, "CLUSTER_ID": "Kubernetes", "ISTIO_VERSION": ISTIO}
    if any(known.get(key) != value for key, value in (wanted.get("metadata") or {}).items()):
        return False
    try:
        return re.search(str(wanted.get("proxyVersion") or ""), ISTIO) is not None
    except re.error:
        return False


def _match(match: Object, hosts: frozenset[str] | None) -> Match:
    waypoint, listener = match.get("waypoint") or {}, match.get("listener") or {}
    routes, cluster = match.get("routeConfiguration") or {}, match.get("cluster") or {}
    chain = listener.get("filterChain") or {}
    wanted = waypoint.get("filter") or chain.get("filter") or {}
    vhost = routes.get("vhost") or {}
    route = waypoint.get("route") or vhost.get("route") or {}
    ports = (part.get("portNumber") for part in (waypoint, listener, routes, cluster))
    return Match(
        hosts=hosts,
        port=next((int(port) for port in ports if port), 0) or int(chain.get("destinationPort") or 0),
        listener=listener.get("name", ""),
        listener_filter=listener.get("listenerFilter", ""),
        chain=chain.get("name", ""),
        sni=chain.get("sni", ""),
        filter=wanted.get("name", ""),
        sub_filter=(wanted.get("subFilter") or {}).get("name", ""),
        routes=routes.get("name", ""),
        gateway=routes.get("gateway", ""),
        virtual_host=vhost.get("name", ""),
        domain=vhost.get("domainName", ""),
        route=route.get("name", ""),
        action=route.get("action", ""),
        cluster=cluster.get("name", ""),
        service=cluster.get("service", ""),
        subset=cluster.get("subset", ""),
    )
