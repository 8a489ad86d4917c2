"""Negative conditions, and definitions that are too old to be looked at.

Upstream: istio/istio pkg/config/analysis/analyzers/{conditions,k8sgateway}, pkg/config/schema/gatewayapi.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pocketmesh.istioctl.analysis.findings import Finding
from pocketmesh.istioctl.analysis.world import World
from pocketmesh.objects import Object, annotations_of, name_of

_GATEWAY_API: Final = "gateway.networking.k8s.io"
_BOUND: Final = frozenset({"istio.io/WaypointBound"})
_ROUTED: Final = frozenset({"Accepted", "Programmed", "ResolvedRefs"})
_LOOKED_AT: Final = (
    ("Service", "", _BOUND),
    ("ServiceEntry", None, _BOUND),
    ("WorkloadEntry", None, _BOUND),
    ("AuthorizationPolicy", None, frozenset({"ZtunnelAccepted", "WaypointAccepted"})),
    ("Gateway", _GATEWAY_API, _ROUTED),
    ("HTTPRoute", _GATEWAY_API, _ROUTED),
    ("GRPCRoute", _GATEWAY_API, _ROUTED),
)
_OLDEST: Final = {
    f"grpcroutes.{_GATEWAY_API}": "1.1.0",
    f"backendtlspolicies.{_GATEWAY_API}": "1.4.0",
    f"tlsroutes.{_GATEWAY_API}": "1.5.0",
}


def conditions(world: World) -> Iterator[Finding]:
    """Statuses in which a controller says no."""
    for kind, group, types in _LOOKED_AT:
        for obj in world.all(kind, group):
            for it in _conditions(obj):
                partly = it.get("reason") == "PartiallyInvalid" and it.get("type") == "WaypointAccepted"
                if it.get("type") in types and (it.get("status") == "False" or partly):
                    said = (
                        f"type={it['type']}, reason={it.get('reason', '')}, message={it.get('message', '')}"
                    )
                    text = f"A condition with a negative status is present: {said}."
                    yield Finding("Warning", "IST0171", obj, text)


def definitions(world: World) -> Iterator[Finding]:
    """Definitions of the Gateway API that this version of Istio leaves alone."""
    for crd in world.everywhere("CustomResourceDefinition"):
        name = name_of(crd)
        version = annotations_of(crd).get(f"{_GATEWAY_API}/bundle-version", "").removeprefix("v")
        if name in _OLDEST and version and _parts(version) < _parts(_OLDEST[name]):
            yield Finding(
                "Warning",
                "IST0176",
                crd,
                f'Gateway API CRD "{name}" is at version "{version}" but Istio requires at least '
                f'"{_OLDEST[name]}"; resources of this kind will not be processed. '
                "Upgrade the Gateway API CRDs to satisfy the minimum version.",
            )


def _conditions(obj: Object) -> Iterator[Object]:
    status = obj.get("status") or {}
    yield from status.get("conditions") or []
    for parent in status.get("parents") or []:
        yield from parent.get("conditions") or []


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("-")[0].split(".") if part.isdigit())
