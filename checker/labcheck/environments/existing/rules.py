"""What must hold before a lab is let into somebody's cluster: pure functions over what the provider asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labcheck.kube.kinds import Kind, of

_PRODUCTION = re.compile(r"(?:^|[^a-z])(?:prod|prd|production|live)(?:$|[^a-z])", re.IGNORECASE)
_CLOUDS = {
    "eks.amazonaws.com": "Amazon EKS",
    "azmk8s.io": "Azure AKS",
    "ondigitalocean.com": "DigitalOcean",
    "gke_": "Google GKE",  # what gcloud calls its contexts; the server is an address
    "cloud.ibm.com": "IBM Cloud",
    "ovh.net": "OVHcloud",
}


@dataclass(frozen=True, slots=True)
class Right:
    """One thing that must be allowed; an empty namespace means all of them, or none."""

    verb: str
    group: str
    resource: str
    namespace: str = ""

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {'.'.join(filter(None, (self.resource, self.group)))}{where}"


def looks_like_production(context: str, cluster: str, server: str) -> str:
    """Why this may be a cluster that others rely on; empty when nothing speaks for it.

    >>> looks_like_production("kind-labs", "kind-labs", "https://127.0.0.1:6443")
    ''
    """
    for what, name in (("context", context), ("cluster", cluster), ("server", server)):
        if _PRODUCTION.search(name):
            return f"its {what} is called {name}"
    cloud = next((cloud for mark, cloud in _CLOUDS.items() if mark in f"{context} {server}"), "")
    return f"it is run by {cloud}" if cloud else ""


def namespaces(manifests: Iterable[Mapping[str, Any]]) -> list[str]:
    """The namespaces that the setup makes."""
    return [it["metadata"]["name"] for it in manifests if it.get("kind") == "Namespace"]


def misplaced(manifests: Sequence[Mapping[str, Any]], kinds: Sequence[Kind]) -> list[str]:
    """Objects of the setup that would lie outside the namespaces that it makes."""
    own = set(namespaces(manifests))
    found = []
    for it in manifests:
        kind = of(kinds, str(it.get("apiVersion")), str(it.get("kind")))
        place = it["metadata"].get("namespace") or "default"
        if kind is None or kind.kind == "Namespace" or (kind.namespaced and place in own):
            continue
        found.append(f"{kind.kind} {place + '/' if kind.namespaced else ''}{it['metadata']['name']}")
    return found


def rights(manifests: Sequence[Mapping[str, Any]], kinds: Sequence[Kind]) -> list[Right]:
    """Everything that running the lab takes: its setup, its grader's identity, and clearing up."""
    found = [Right(verb, "", "namespaces") for verb in ("get", "create", "patch", "delete")]
    rbac = "rbac.authorization.k8s.io"
    found += [
        Right(verb, rbac, it)
        for it in ("clusterroles", "clusterrolebindings")
        for verb in ("patch", "delete")
    ]
    for namespace in [*namespaces(manifests), "labcheck-system"]:
        found += [Right("patch", rbac, it, namespace) for it in ("roles", "rolebindings")]
    found += [Right("patch", "", "serviceaccounts", "labcheck-system")]
    found += [Right("create", "", "serviceaccounts/token", "labcheck-system")]
    for it in manifests:
        kind = of(kinds, str(it.get("apiVersion")), str(it.get("kind")))
        if kind is not None and kind.namespaced:
            place = it["metadata"].get("namespace") or "default"
            found += [Right(verb, kind.group, kind.plural, place) for verb in ("patch", "delete")]
    return list(dict.fromkeys(found))
