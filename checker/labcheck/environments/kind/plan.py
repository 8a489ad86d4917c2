"""What a cluster is to be made of: the pure part, from a lab's variant to the playbook's input."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from labcheck.environments.kind.versions import Versions
from labcheck.lab.model import Environment

LABEL = "labcheck.dev/environment"
_LONGEST = 40
_READY = {"Deployment": "Available", "Pod": "Ready"}


def cluster_name(folder: Path, label: str) -> str:
    """The name of the kind cluster of `folder`: no other folder has it, and it is no longer than kind likes.

    >>> cluster_name(Path("/state/a"), "lab-03-waypoint")
    'labcheck-lab-03-waypoint-4a19e0c4'
    """
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:8]
    return f"labcheck-{label}"[: _LONGEST - 9].rstrip("-") + f"-{digest}"


def shape(environment: Environment, versions: Versions) -> str:
    """What two clusters have in common that can stand in for each other."""
    istio = versions.istio if environment.istio == "ambient" else "none"
    return f"{versions.node_image} nodes={environment.nodes} istio={istio}"


def kind_config(name: str, nodes: int, image: str) -> dict[str, Any]:
    """The cluster for kind, in its format v1alpha4, with labels that mark its nodes as ours."""
    roles = ["control-plane", *["worker"] * (nodes - 1)]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": name,
        "networking": {"apiServerAddress": "127.0.0.1"},
        "nodes": [{"role": role, "image": image, "labels": {LABEL: name}} for role in roles],
    }


def images(manifests: Iterable[Mapping[str, Any]]) -> list[str]:
    """The images that pods of these manifests run, each once, with their registry."""
    found = [_full(str(container["image"])) for it in manifests for container in _containers(it)]
    return list(dict.fromkeys(found))


def awaited(manifests: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What is waited for with `kubectl wait`, and for which condition."""
    return [
        {
            "what": f"{it['kind'].lower()}/{it['metadata']['name']}",
            "namespace": it["metadata"].get("namespace") or "default",
            "condition": _READY[it["kind"]],
        }
        for it in manifests
        if it.get("kind") in _READY
    ]


def _containers(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The containers of a Pod, or of whatever has a template for pods."""
    spec = manifest.get("spec")
    while isinstance(spec, Mapping) and "containers" not in spec:
        inner = spec.get("jobTemplate") or spec.get("template")
        spec = inner.get("spec") if isinstance(inner, Mapping) else None
    if isinstance(spec, Mapping):
        for key in ("initContainers", "containers"):
            yield from (it for it in spec.get(key) or () if isinstance(it, Mapping) and it.get("image"))


def _full(image: str) -> str:
    """An image with the registry and the tag that Docker assumes.

    >>> _full("curlimages/curl"), _full("busybox:1.36"), _full("registry.istio.io/pilot:1.30.3")
    ('docker.io/curlimages/curl:latest', 'docker.io/library/busybox:1.36', 'registry.istio.io/pilot:1.30.3')
    """
    first, slash, _ = image.partition("/")
    if not slash:
        image = f"docker.io/library/{image}"
    elif not ({".", ":"} & set(first) or first == "localhost"):
        image = f"docker.io/{image}"
    return image if "@" in image or ":" in image.rpartition("/")[2] else f"{image}:latest"
