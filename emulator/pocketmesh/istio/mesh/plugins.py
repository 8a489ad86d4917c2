"""Code that runs in proxies beside Istio's own filters: WasmPlugins and TrafficExtensions, in one order.

Upstream: istio/istio pilot/pkg/model/extensions.go, pilot/pkg/networking/core/extension.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal, get_args

from pocketmesh.istio.mesh.attachments import Extension, Proxy, TargetRef
from pocketmesh.istio.mesh.extensions import attached
from pocketmesh.istio.mesh.model import Mesh
from pocketmesh.istio.mesh.modules import Module, Source
from pocketmesh.objects import Object

Phase = Literal["AUTHN", "AUTHZ", "STATS", ""]
"""Before which of Istio's filters it runs; "" is at the end."""

_MODES: Final = {"waypoint": "SERVER", "router": "CLIENT"}


@dataclass(frozen=True, slots=True)
class Plugin:
    """One piece of code: a Lua `script`, or the module at `url` with its configuration. `source` is None for
    modules in images; `environment` is what the module's machine is given."""

    name: str
    phase: Phase
    script: str = ""
    url: str = ""
    config: Object = field(default_factory=dict)
    fail_strategy: str = "FAIL_CLOSE"
    root_id: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    source: Source | None = None
    module: Module = field(default_factory=Module)

    @property
    def fails_open(self) -> bool:
        """Whether requests pass when there is no such module."""
        return self.fail_strategy == "FAIL_OPEN"


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
    plugins = (plugin for item, name in found for plugin in _plugin(item, name))
    return tuple(
        replace(plugin, module=mesh.modules.get(plugin.source, Module())) if plugin.source else plugin
        for plugin in plugins
    )


def sources_of(mesh: Mesh, proxy: Proxy) -> frozenset[Source]:
    """Where the modules are that a proxy needs, whatever the ports and services that they are for."""
    items = (*mesh.wasm_plugins, *mesh.traffic_extensions)
    if not items:
        return frozenset()
    gateway = (proxy.namespace, proxy.name)
    behind = (mesh.object_of(place) for place, bound in mesh.bindings.items() if bound.waypoint == gateway)
    found = (item for service in (None, *behind) for item in _reaching(items, proxy, service))
    plugins = (plugin for item in found for plugin in _plugin(item, item.name))
    return frozenset(plugin.source for plugin in plugins if plugin.source)


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


def _plugin(item: Extension, name: str) -> Iterator[Plugin]:
    spec = item.spec
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
            fail_strategy=str(wasm.get("failStrategy") or "FAIL_CLOSE"),
            root_id=str(wasm.get("pluginName") or ""),
            environment=tuple(_environment(wasm)),
            source=_source(wasm, item.version),
        )


def _environment(wasm: Object) -> Iterator[tuple[str, str]]:
    for variable in (wasm.get("vmConfig") or {}).get("env") or ():
        if variable.get("valueFrom", "INLINE") == "INLINE":
            yield str(variable.get("name", "")), str(variable.get("value", ""))


def _source(wasm: Object, version: str) -> Source | None:
    """Where a module is that can be fetched: a digest makes it the same at any time."""
    url, digest = str(wasm["url"]), str(wasm.get("sha256") or "")
    if url.partition("://")[0] not in {"file", "http", "https"}:
        return None
    always = wasm.get("imagePullPolicy") == "Always" and not digest
    return Source(url, digest, version if always else "")
