"""Code that runs in proxies beside Istio's own filters: WasmPlugins and TrafficExtensions, in one order.

Upstream: istio/istio pilot/pkg/model/extensions.go, pilot/pkg/networking/core/extension.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from pocketmesh.istio.mesh.attachments import Extension, Proxy, TargetRef
from pocketmesh.istio.mesh.extensions import attached
from pocketmesh.istio.mesh.model import Mesh
from pocketmesh.objects import Object

Phase = Literal["AUTHN", "AUTHZ", "STATS", ""]
"""Before which of Istio's filters it runs; "" is at the end."""

_MODES: Final = {"waypoint": "SERVER", "router": "CLIENT"}


@dataclass(frozen=True, slots=True)
class Plugin:
    """One piece of code: a Lua `script`, or the module at `url` with its configuration. `fails_open` says
    that requests pass when there is no such module."""

    name: str
    phase: Phase
    script: str = ""
    url: str = ""
    config: Object = field(default_factory=dict)
    fails_open: bool = False


def plugins_of(mesh: Mesh, proxy: Proxy, port: int, service: TargetRef | None = None) -> tuple[Plugin, ...]:
    """What runs in a proxy for requests that come to a port, of a service or of anyone: in each phase the
    highest priority first."""
    kinds = (("wasmplugin", mesh.wasm_plugins), ("trafficextension", mesh.traffic_extensions))
    found = [
        (item, f"extensions.istio.io/{kind}/{item.namespace}.{item.name}")
        for kind, items in kinds
        for item in _reaching(items, proxy, service)
        if _matches(item.spec, proxy, port)
    ]
    found.sort(key=lambda pair: (-int(pair[0].spec.get("priority") or 0), pair[0].name, pair[0].namespace))
    return tuple(plugin for item, name in found for plugin in _plugin(item.spec, name))


def _reaching(items: tuple[Extension, ...], proxy: Proxy, service: TargetRef | None) -> Iterator[Extension]:
    yield from attached(items, proxy, service)
    if proxy.kind == "router":
        yield from (item for item in items if item.selects(proxy))


def _matches(spec: Object, proxy: Proxy, port: int) -> bool:
    """Whether one of the selectors of traffic matches; none means all traffic."""
    selectors = spec.get("match") or [{}]
    return any(
        selector.get("mode", "UNDEFINED") in {"UNDEFINED", "CLIENT_AND_SERVER", _MODES[proxy.kind]}
        and port in ([int(item["number"]) for item in selector.get("ports") or ()] or [port])
        for selector in selectors
    )


def _plugin(spec: Object, name: str) -> Iterator[Plugin]:
    given = spec.get("phase", "")
    phase: Phase = given if given in get_args(Phase) else ""
    if lua := spec.get("lua"):
        yield Plugin(name, phase, script=str(lua.get("inlineCode", "")))
        return
    wasm = spec.get("wasm") or spec
    # Modules for connections have no requests to look at.
    if wasm.get("url") and wasm.get("type") != "NETWORK":
        yield Plugin(
            name,
            phase,
            url=str(wasm["url"]),
            config=wasm.get("pluginConfig") or {},
            fails_open=wasm.get("failStrategy") == "FAIL_OPEN",
        )
