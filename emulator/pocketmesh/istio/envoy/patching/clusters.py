"""Patches of clusters (istio/istio pilot/pkg/networking/core/envoyfilter/cluster_patch.go)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pocketmesh.istio.envoy.patching.lists import operated
from pocketmesh.istio.envoy.patching.patches import Match, Patch
from pocketmesh.istio.envoy.xds import TYPES, Json

_KIND: Final = f"{TYPES}config.cluster.v3.Cluster"


@dataclass(frozen=True, slots=True)
class Name:
    """What is in the name that Istio gives a cluster, a route table or a filter chain."""

    port: int = 0
    subset: str = ""
    host: str = ""

    @classmethod
    def of(cls, text: str) -> Name:
        """`inbound-vip|PORT|PROTOCOL/SUBSET|HOST` or `outbound|PORT|SUBSET|HOST`, else nothing."""
        parts = text.split("|")
        if len(parts) != 4 or not parts[1].isdigit():
            return cls()
        subset = parts[2].partition("/")[2] if parts[0].startswith("inbound") else parts[2]
        return cls(int(parts[1]), subset, parts[3])

    def fits(self, match: Match) -> bool:
        """Whether it is of the service and port that are meant."""
        if match.port not in {0, self.port}:
            return False
        return match.hosts is None or self.host in match.hosts


def patched_clusters(clusters: list[Json], patch: Patch) -> list[Json]:
    """The clusters after a patch, if it is about clusters."""
    if patch.apply_to != "CLUSTER":
        return clusters
    value = {"@type": _KIND, **patch.value} if patch.operation == "ADD" else patch.value
    return operated(clusters, patch.operation, value, lambda cluster: _fits(cluster, patch.match))


def _fits(cluster: Json, match: Match) -> bool:
    name = Name.of(str(cluster.get("name", "")))
    return (
        name.fits(match)
        and match.cluster in {"", cluster.get("name")}
        and match.service in {"", name.host}
        and match.subset in {"", name.subset}
    )
