"""Namespaces outside the mesh, or in it in two ways.

Upstream: istio/istio pkg/config/analysis/analyzers/injection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pocketmesh.istioctl.analysis.findings import Finding
from pocketmesh.istioctl.analysis.world import World
from pocketmesh.objects import labels_of, name_of

_INJECTION: Final = "istio-injection"
_REVISION: Final = "istio.io/rev"
_MODE: Final = "istio.io/dataplane-mode"


def injection(world: World) -> Iterator[Finding]:
    """What the labels of namespaces say of injection."""
    for namespace in world.all("Namespace"):
        labels, name = labels_of(namespace), name_of(namespace)
        ways = sum(
            (labels.get(_INJECTION) == "enabled", _REVISION in labels, labels.get(_MODE) == "ambient"),
        )
        if ways > 1:
            yield Finding(
                "Warning",
                "IST0123",
                namespace,
                "The namespace has both new and legacy injection labels. "
                f"Run 'kubectl label namespace {name} {_REVISION}-' "
                f"or 'kubectl label namespace {name} {_INJECTION}-'",
            )
        elif not ways and _INJECTION not in labels:
            yield Finding(
                "Info",
                "IST0102",
                namespace,
                "The namespace is not enabled for Istio injection. "
                f"Run 'kubectl label namespace {name} {_INJECTION}=enabled' to enable it, "
                f"or 'kubectl label namespace {name} {_INJECTION}=disabled' "
                "to explicitly mark it as not needing injection.",
            )
