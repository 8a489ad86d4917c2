"""Policies that select nothing, or name what is not there.

Upstream: istio/istio pkg/config/analysis/analyzers/{authz,k8sgateway}.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pocketmesh.istioctl.analysis.findings import Finding
from pocketmesh.istioctl.analysis.world import ROOT, World
from pocketmesh.objects import Object, annotations_of, labels_of, namespace_of, selects

_GATEWAY_NAME: Final = "gateway.networking.k8s.io/gateway-name"


def unmatched(world: World) -> Iterator[Finding]:
    """AuthorizationPolicies that no pod of the mesh feels."""
    pods = [pod for pod in world.everywhere("Pod") if _is_in_mesh(pod)]
    for policy in world.all("AuthorizationPolicy"):
        spec = policy.get("spec") or {}
        if spec.get("targetRef") or spec.get("targetRefs"):
            continue
        wanted = _selector(spec)
        near = (pod for pod in pods if namespace_of(policy) in (ROOT, namespace_of(pod)))
        if not any(not wanted or selects(wanted, labels_of(pod)) for pod in near):
            said = ",".join(f"{key}={value}" for key, value in sorted(wanted.items()))
            text = f"No matching workloads for this resource with the following labels: {said}"
            yield Finding("Warning", "IST0127", policy, text)


def sources(world: World) -> Iterator[Finding]:
    """Rules that name a namespace which does not exist."""
    for policy in world.all("AuthorizationPolicy"):
        for rule in (policy.get("spec") or {}).get("rules") or []:
            for origin in rule.get("from") or []:
                for name in (origin.get("source") or {}).get("namespaces") or []:
                    if not _exists(world, name):
                        yield Finding("Error", "IST0101", policy, f'Referenced namespace not found: "{name}"')


def selectors(world: World) -> Iterator[Finding]:
    """Selectors that match a gateway's or a waypoint's pod, which heeds targetRefs alone."""
    gateways = [pod for pod in world.everywhere("Pod") if _GATEWAY_NAME in labels_of(pod)]
    for kind in ("AuthorizationPolicy", "RequestAuthentication", "Telemetry", "WasmPlugin"):
        for policy in world.all(kind):
            spec = policy.get("spec") or {}
            if spec.get("targetRef") or spec.get("targetRefs"):
                continue
            hit = {
                labels_of(pod)[_GATEWAY_NAME]
                for pod in gateways
                if namespace_of(pod) == namespace_of(policy) and selects(_selector(spec), labels_of(pod))
            }
            for name in sorted(hit):
                text = f"Ineffective selector on Kubernetes Gateway {name}. Use the TargetRef field instead."
                yield Finding("Warning", "IST0166", policy, text)


def _selector(spec: Object) -> dict[str, str]:
    return (spec.get("selector") or {}).get("matchLabels") or {}


def _is_in_mesh(pod: Object) -> bool:
    annotations = annotations_of(pod)
    return (
        annotations.get("ambient.istio.io/redirection") == "enabled"
        or "sidecar.istio.io/status" in annotations
    )


def _exists(world: World, name: str) -> bool:
    if "*" not in name:
        return world.has("Namespace", "", name)
    names = (it["metadata"]["name"] for it in world.everywhere("Namespace"))
    head, _, tail = name.partition("*")
    return any(it.startswith(head) and it.endswith(tail) for it in names)
