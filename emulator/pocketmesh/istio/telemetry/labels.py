"""The labels of Istio's standard metrics. What is not known is `unknown`, as there.

Source: https://istio.io/latest/docs/reference/config/metrics/, istio/ztunnel src/proxy/metrics.rs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pocketmesh.istio.mesh.model import Workload

UNKNOWN: Final = "unknown"
_CLUSTER: Final = "Kubernetes"

Labels = Mapping[str, str]


def peer(side: str, workload: Workload | None, principal: str) -> dict[str, str]:
    """Who is at one side, `source` or `destination`."""
    if workload is None:
        found = dict.fromkeys(("workload", "workload_namespace", "app", "version", "cluster"), UNKNOWN)
        found |= {"canonical_service": UNKNOWN, "canonical_revision": "latest"}
    else:
        found = {
            "workload": workload.owner or workload.name,
            "workload_namespace": workload.namespace,
            "app": workload.canonical_name,
            "version": workload.canonical_revision,
            "cluster": _CLUSTER,
            "canonical_service": workload.canonical_name,
            "canonical_revision": workload.canonical_revision,
        }
    found["principal"] = principal or UNKNOWN
    return {f"{side}_{name}": value for name, value in found.items()}


def service(host: str, namespace: str) -> dict[str, str]:
    """What was asked for, by its full name and its namespace; a host of a ServiceEntry is its own name."""
    return {
        "destination_service": host or UNKNOWN,
        "destination_service_name": (host.partition(".")[0] if ".svc." in host else host) or UNKNOWN,
        "destination_service_namespace": namespace or UNKNOWN,
    }
