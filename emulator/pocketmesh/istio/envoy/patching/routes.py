"""Patches of route tables, their virtual hosts and routes.

Upstream: istio/istio pilot/pkg/networking/core/envoyfilter/rc_patch.go.
"""

from __future__ import annotations

from typing import Final

from pocketmesh.istio.envoy.patching.clusters import Name
from pocketmesh.istio.envoy.patching.lists import operated
from pocketmesh.istio.envoy.patching.merging import merged
from pocketmesh.istio.envoy.patching.patches import Match, Patch
from pocketmesh.istio.envoy.xds import Json
from pocketmesh.istio.mesh.attachments import Proxy

_ACTIONS: Final = {"ROUTE": "route", "REDIRECT": "redirect", "DIRECT_RESPONSE": "direct_response"}


def patched_routes(table: Json, patch: Patch, proxy: Proxy) -> Json:
    """A route table after a patch, if it is about this table."""
    if not _is_meant(str(table.get("name", "")), patch.match, proxy):
        return table
    match, hosts = patch.match, table.get("virtual_hosts") or []
    match patch.apply_to:
        case "ROUTE_CONFIGURATION" if patch.operation == "MERGE":
            return merged(table, patch.value)
        case "VIRTUAL_HOST":
            changed = operated(hosts, patch.operation, patch.value, lambda host: _is_host(host, match))
            return {**table, "virtual_hosts": changed}
        case "HTTP_ROUTE":
            changed = [_with_routes(host, patch) if _is_host(host, match) else host for host in hosts]
            return {**table, "virtual_hosts": changed}
    return table


def _with_routes(host: Json, patch: Patch) -> Json:
    def is_route(route: Json) -> bool:
        action = _ACTIONS.get(patch.match.action)
        return patch.match.route in {"", route.get("name")} and (action is None or action in route)

    routes = operated(host.get("routes") or [], patch.operation, patch.value, is_route)
    return {**host, "routes": routes}


def _is_meant(name: str, match: Match, proxy: Proxy) -> bool:
    if match.routes not in {"", name} or match.gateway not in {"", f"{proxy.namespace}/{proxy.name}"}:
        return False
    if proxy.kind == "waypoint":
        return Name.of(name).fits(match)
    # A gateway's tables are called http.PORT or https.PORT.….
    return match.port == 0 or str(match.port) == name.split(".")[1]


def _is_host(host: Json, match: Match) -> bool:
    return match.virtual_host in {"", host.get("name")} and (
        not match.domain or match.domain in (host.get("domains") or ())
    )
