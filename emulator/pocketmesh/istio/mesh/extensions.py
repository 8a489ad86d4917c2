"""Objects that extend proxies, read from the cluster's, and found again for a proxy.

A waypoint takes those that name it, its class or a Service behind it; selectors are for gateways.
Upstream: istio/istio pilot/pkg/model/policyattachment.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pocketmesh.istio.mesh.attachments import Extension, Proxy, ProxyKind, TargetRef
from pocketmesh.istio.mesh.authorization import is_targeted, targets
from pocketmesh.istio.mesh.model import ROOT_NAMESPACE, Mesh
from pocketmesh.istio.waypoints import GATEWAY_NAME
from pocketmesh.net.services import Place
from pocketmesh.objects import Object, name_of, namespace_of

_NOBODY: Final = ("", "", "")


def extensions(items: Iterable[Object]) -> tuple[Extension, ...]:
    """Objects read, the oldest first. Whoever names a class must be in the root namespace, and whoever names
    only what cannot be meant reaches nobody."""
    return tuple(sorted((_extension(item) for item in items), key=lambda extension: extension.age))


def proxy_of(mesh: Mesh, kind: ProxyKind, gateway: Place) -> Proxy:
    """The proxy of a Gateway."""
    namespace, name = gateway
    own = (work.labels for work in mesh.workloads.values() if work.namespace == namespace)
    labels = next((labels for labels in own if labels.get(GATEWAY_NAME) == name), {})
    return Proxy(kind, namespace, name, mesh.classes.get(gateway, ""), labels)


def attached(
    found: Iterable[Extension], proxy: Proxy, service: TargetRef | None = None
) -> tuple[Extension, ...]:
    """Those that name a proxy, or a service behind it."""
    places = {*proxy.places, *([service] if service else [])}
    return tuple(extension for extension in found if not places.isdisjoint(extension.targets))


def _extension(item: Object) -> Extension:
    spec = item.get("spec") or {}
    namespace = namespace_of(item)
    named = (ref for ref in targets(item) if ref[0] != "GatewayClass" or namespace == ROOT_NAMESPACE)
    labels = (spec.get("selector") or {}).get("matchLabels")
    return Extension(
        namespace=namespace,
        name=name_of(item),
        spec=spec,
        created=str(item["metadata"].get("creationTimestamp", "")),
        scope="" if namespace == ROOT_NAMESPACE else namespace,
        selector=labels or (spec.get("workloadSelector") or {}).get("labels") or {},
        targets=tuple(named) or ((_NOBODY,) if is_targeted(item) else ()),
        version=f"{item['metadata'].get('uid', '')}/{item['metadata'].get('generation', 0)}",
    )
