"""Patches of listeners, filter chains and filters.

The filters that stand in front to learn who the client is are not Istio's and cannot be patched away.
Upstream: istio/istio pilot/pkg/networking/core/envoyfilter/listener_patch.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pocketmesh.istio.envoy.listeners import PROXY
from pocketmesh.istio.envoy.patching.clusters import Name
from pocketmesh.istio.envoy.patching.lists import operated
from pocketmesh.istio.envoy.patching.patches import Match, Patch
from pocketmesh.istio.envoy.xds import Json
from pocketmesh.istio.mesh.attachments import Proxy

_OURS: Final = frozenset({"client", PROXY})
_MANAGER: Final = "envoy.filters.network.http_connection_manager"
_OLDER: Final = {
    "envoy.http_connection_manager": _MANAGER,
    "envoy.tcp_proxy": "envoy.filters.network.tcp_proxy",
    "envoy.router": "envoy.filters.http.router",
}


def patched_listeners(
    listeners: list[Json], patch: Patch, proxy: Proxy, extensions: Mapping[str, Json]
) -> list[Json]:
    """The listeners after a patch, if it is about them or what is in them; `extensions` are the filters that
    other patches describe, by name."""
    match patch.apply_to:
        case "LISTENER" if patch.operation in {"ADD", "REMOVE", "MERGE"}:
            return operated(
                listeners, patch.operation, patch.value, lambda item: _is_listener(item, patch.match, proxy)
            )
        case "LISTENER_FILTER" | "FILTER_CHAIN" | "NETWORK_FILTER" | "HTTP_FILTER":
            return [
                _patched(item, patch, proxy, extensions) if _is_listener(item, patch.match, proxy) else item
                for item in listeners
            ]
    return listeners


def _patched(listener: Json, patch: Patch, proxy: Proxy, extensions: Mapping[str, Json]) -> Json:
    match, chains = patch.match, listener.get("filter_chains") or []
    match patch.apply_to:
        case "LISTENER_FILTER":
            return {**listener, "listener_filters": _filters(listener.get("listener_filters") or [], patch)}
        case "FILTER_CHAIN":
            changed = operated(
                chains, patch.operation, patch.value, lambda chain: _is_chain(chain, match, proxy)
            )
            return {**listener, "filter_chains": changed}
        case "NETWORK_FILTER":
            return {
                **listener,
                "filter_chains": [
                    {**chain, "filters": _filters(chain.get("filters") or [], patch)}
                    if _is_chain(chain, match, proxy)
                    else chain
                    for chain in chains
                ],
            }
    return {
        **listener,
        "filter_chains": [
            _with_http_filters(chain, patch, extensions) if _is_chain(chain, match, proxy) else chain
            for chain in chains
        ],
    }


def _filters(filters: list[Json], patch: Patch) -> list[Json]:
    ours = [item for item in filters if item.get("name") in _OURS]
    others = [item for item in filters if item.get("name") not in _OURS]
    wanted = patch.match.listener_filter if patch.apply_to == "LISTENER_FILTER" else patch.match.filter
    return [*ours, *operated(others, patch.operation, patch.value, lambda item: _named(item, wanted))]


def _with_http_filters(chain: Json, patch: Patch, extensions: Mapping[str, Json]) -> Json:
    def changed(manager: Json) -> Json:
        config = manager.get("typed_config") or {}
        found = operated(
            config.get("http_filters") or [],
            patch.operation,
            _discovered(patch.value, extensions),
            lambda item: _named(item, patch.match.sub_filter),
        )
        return {**manager, "typed_config": {**config, "http_filters": found}}

    filters = chain.get("filters") or []
    return {
        **chain,
        "filters": [
            changed(item) if _named(item, _MANAGER) and _named(item, patch.match.filter) else item
            for item in filters
        ],
    }


def _discovered(value: Json, extensions: Mapping[str, Json]) -> Json:
    """A filter whose configuration is to be discovered, with what another patch says that it is."""
    discovered = "config_discovery" in value or "configDiscovery" in value
    return extensions.get(str(value.get("name")), value) if discovered else value


def _is_listener(listener: Json, match: Match, proxy: Proxy) -> bool:
    if match.listener not in {"", listener.get("name")}:
        return False
    # A gateway's listeners are called 0.0.0.0_PORT; a waypoint has one, whose chains tell the ports.
    port = str(listener.get("name", "")).rpartition("_")[2]
    return proxy.kind == "waypoint" or match.port == 0 or str(match.port) == port


def _is_chain(chain: Json, match: Match, proxy: Proxy) -> bool:
    if match.chain not in {"", chain.get("name")}:
        return False
    names = (chain.get("filter_chain_match") or {}).get("server_names") or ()
    if match.sni and match.sni not in names:
        return False
    return proxy.kind == "router" or Name.of(str(chain.get("name", ""))).fits(match)


def _named(item: Json, wanted: str) -> bool:
    return _OLDER.get(wanted, wanted) in {"", item.get("name")}
