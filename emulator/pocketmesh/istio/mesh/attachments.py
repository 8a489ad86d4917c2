"""Objects that extend proxies, and the proxies that they may reach.

The objects are Telemetry, EnvoyFilter, WasmPlugin and TrafficExtension. What they say is left as it is
written, for whoever acts on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pocketmesh.objects import Object

ProxyKind: TypeAlias = Literal["waypoint", "router"]
"""What a proxy is started as: `router` is a gateway (istio/istio pilot/pkg/model/context.go, NodeType)."""

TargetRef: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Extension:
    """One such object; `scope` is the namespace that it is about, "" for the whole mesh, and `targets` are
    empty unless it names some. `version` is another one after each change."""

    namespace: str
    name: str
    spec: Object
    created: str = ""
    scope: str = ""
    selector: Mapping[str, str] = field(default_factory=dict)
    targets: tuple[TargetRef, ...] = ()
    version: str = ""

    @property
    def age(self) -> tuple[str, str, str]:
        """What the oldest sorts first by."""
        return self.created, self.name, self.namespace

    @property
    def shown(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def is_wide(self) -> bool:
        """Whether it is about all of its scope."""
        return not self.targets and not self.selector

    def selects(self, proxy: Proxy) -> bool:
        """Whether it names no targets and is meant for a proxy's pods."""
        if self.targets or self.scope not in {"", proxy.namespace}:
            return False
        return all(proxy.labels.get(key) == value for key, value in self.selector.items())


@dataclass(frozen=True, slots=True)
class Proxy:
    """A waypoint or a gateway, with its class and its pods' labels."""

    kind: ProxyKind
    namespace: str
    name: str
    gateway_class: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def places(self) -> tuple[TargetRef, ...]:
        """What a target may name to mean all of this proxy, the widest first."""
        own: tuple[TargetRef, ...] = (("Gateway", self.namespace, self.name),)
        return (("GatewayClass", "", self.gateway_class), *own) if self.kind == "waypoint" else own
