"""Which logs and metrics the proxies make: Telemetries over the mesh's configuration, level over level.

The levels are the whole mesh, the namespace, and what names the proxy or the Service behind it; what names
somebody says so in the place of the wider ones. Traces are not made, whatever a Telemetry says.
Upstream: istio/istio pilot/pkg/model/telemetry.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from pocketmesh.istio.mesh.attachments import Extension, Proxy, TargetRef
from pocketmesh.istio.mesh.extensions import attached
from pocketmesh.istio.mesh.mesh_config import ExtensionProvider, MeshConfig
from pocketmesh.istio.mesh.model import Mesh
from pocketmesh.objects import Object

PROMETHEUS: Final = "prometheus"
METRICS: Final = {
    "REQUEST_COUNT": "istio_requests",
    "REQUEST_DURATION": "istio_request_duration_milliseconds",
    "REQUEST_SIZE": "istio_request_bytes",
    "RESPONSE_SIZE": "istio_response_bytes",
    "TCP_OPENED_CONNECTIONS": "istio_tcp_connections_opened",
    "TCP_CLOSED_CONNECTIONS": "istio_tcp_connections_closed",
    "TCP_SENT_BYTES": "istio_tcp_sent_bytes",
    "TCP_RECEIVED_BYTES": "istio_tcp_received_bytes",
}
"""Istio's names for its metrics, and those of the series without `_total`."""

_MESH: Final = ""
"""In the place of a provider's name: the log that meshConfig.accessLogFile asks for."""
_ENVOY: Final = ExtensionProvider("envoy", "envoyFileAccessLog", {"path": "/dev/stdout"})
_MODES: Final = {"waypoint": "SERVER", "router": "CLIENT"}


@dataclass(frozen=True, slots=True)
class Log:
    """An access log: its file, its format as text, or as fields when that is empty, and the CEL expression
    that says what is logged, "" for everything. Without either format it is Istio's."""

    path: str
    text: str = ""
    fields: Object = field(default_factory=dict)
    json: bool = False
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What becomes of one metric: the labels that it gets, as CEL expressions, and those that it loses."""

    disabled: bool = False
    set: Mapping[str, str] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()


UNCHANGED: Final = Changes()


def access_log_plan(mesh: Mesh, proxy: Proxy, service: TargetRef | None = None) -> tuple[Log, ...]:
    """Where a proxy logs what it does for a service, or for anyone."""
    config = mesh.config
    default = [str(name) for name in config.default_providers.get("accessLogging") or ()]
    names = default or ([_MESH] if config.access_log_file else [])
    filters = dict.fromkeys(names, "")
    for entries in _levels(mesh, proxy, service, "accessLogging"):
        named = [name for entry in entries for name in _providers(entry)]
        if named:
            names = list(dict.fromkeys(named))
            filters = {name: value for name, value in filters.items() if name in names}
        for entry in entries:
            for name in _providers(entry) or names:
                if entry.get("disabled"):
                    filters.pop(name, None)
                else:
                    filters[name] = str((entry.get("filter") or {}).get("expression") or "")
    found = (_log(config, name, value) for name, value in filters.items())
    return tuple(log for log in found if log is not None)


def metrics_plan(mesh: Mesh, proxy: Proxy, service: TargetRef | None = None) -> dict[str, Changes]:
    """What a proxy changes of the metrics that it counts for a service, by series; absent ones stay."""
    plan: dict[str, Changes] = {}
    providers = [str(name) for name in mesh.config.default_providers.get("metrics") or (PROMETHEUS,)]
    for entries in _levels(mesh, proxy, service, "metrics"):
        for entry in entries:
            providers = _providers(entry) or providers
            if PROMETHEUS in providers:
                for override in entry.get("overrides") or ():
                    _override(plan, override, _MODES[proxy.kind])
    if PROMETHEUS not in providers:
        return dict.fromkeys(METRICS.values(), Changes(disabled=True))
    return plan


def tag_expressions(mesh: Mesh) -> tuple[str, ...]:
    """The CEL expressions of all labels that some Telemetry sets."""
    return tuple(
        sorted(
            {
                str(tag.get("value") or "")
                for telemetry in mesh.telemetries
                for entry in telemetry.spec.get("metrics") or ()
                for override in entry.get("overrides") or ()
                for tag in (override.get("tagOverrides") or {}).values()
            }
            - {""}
        )
    )


def _levels(mesh: Mesh, proxy: Proxy, service: TargetRef | None, key: str) -> Iterator[list[Object]]:
    """What each level has to say, the widest first; of several Telemetries of one level the oldest."""
    wide = [item for item in mesh.telemetries if item.is_wide]
    levels: list[Iterable[Extension]] = [
        [item for item in wide if not item.scope],
        [item for item in wide if item.scope == proxy.namespace],
        _naming(mesh, proxy, service),
    ]
    for level in levels:
        for telemetry in list(level)[:1]:
            entries = telemetry.spec.get(key) or []
            mode = _MODES[proxy.kind]
            yield [entry for entry in entries if _concerns(entry.get("match") or {}, mode)]


def _naming(mesh: Mesh, proxy: Proxy, service: TargetRef | None) -> tuple[Extension, ...]:
    """Those that name the service go before those that name the proxy; a gateway also obeys selectors."""
    found = attached(mesh.telemetries, proxy, service)
    if proxy.kind == "router":
        found += tuple(item for item in mesh.telemetries if item.selector and item.selects(proxy))
    return tuple(sorted(found, key=lambda item: service not in item.targets))


def _concerns(match: Object, mode: str) -> bool:
    return match.get("mode", "CLIENT_AND_SERVER") in {"CLIENT_AND_SERVER", mode}


def _providers(entry: Object) -> list[str]:
    return [str(provider.get("name", "")) for provider in entry.get("providers") or ()]


def _log(config: MeshConfig, name: str, expression: str) -> Log | None:
    """Nothing for a provider that there is not, or that writes no file."""
    if name == _MESH:
        text, is_json = config.access_log_format, config.access_log_encoding == "JSON"
        return Log(config.access_log_file, text=text, json=is_json, filter=expression)
    provider = config.providers.get(name) or (_ENVOY if name == _ENVOY.name else None)
    if provider is None or provider.kind != _ENVOY.kind:
        return None
    wanted = provider.settings.get("logFormat") or {}
    return Log(
        path=str(provider.settings.get("path") or "/dev/stdout"),
        text=str(wanted.get("text") or ""),
        fields=wanted.get("labels") or {},
        json="labels" in wanted,
        filter=expression,
    )


def _override(plan: dict[str, Changes], override: Object, mode: str) -> None:
    match = override.get("match") or {}
    if not _concerns(match, mode):
        return
    tags = override.get("tagOverrides") or {}
    removed = {name for name, tag in tags.items() if tag.get("operation") == "REMOVE"}
    values = {name: str(tag.get("value") or "") for name, tag in tags.items() if name not in removed}
    for name in _series(match):
        before = plan.get(name, UNCHANGED)
        plan[name] = Changes(
            before.disabled if override.get("disabled") is None else bool(override["disabled"]),
            {**{key: value for key, value in before.set.items() if key not in removed}, **values},
            (before.removed | removed) - values.keys(),
        )


def _series(match: Object) -> tuple[str, ...]:
    if custom := match.get("customMetric"):
        return (str(custom).removesuffix("_total"),)
    metric = match.get("metric") or "ALL_METRICS"
    if metric == "ALL_METRICS":
        return tuple(METRICS.values())
    return (METRICS[metric],) if metric in METRICS else ()
