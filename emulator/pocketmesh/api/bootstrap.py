"""What a cluster holds before anybody has used it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pocketmesh.api import services
from pocketmesh.api.auth.roles import default_roles
from pocketmesh.api.client import Client
from pocketmesh.api.errors import ApiError
from pocketmesh.api.pods import SYSTEM_CLASSES
from pocketmesh.objects import Object
from pocketmesh.schema.kinds import Kinds

_NAMESPACES: Final = ("default", "kube-system", "kube-public", "kube-node-lease")
_CRITICAL: Final = {
    "system-cluster-critical": (
        "Used for system critical pods that must run in the cluster, "
        "but can be moved to another node if necessary."
    ),
    "system-node-critical": "Used for system critical pods that must not be moved from their current node.",
}


def objects() -> list[Object]:
    """The objects of a fresh cluster, in an order in which they can be created."""
    return [
        *(_cluster_wide("v1", "Namespace", name) for name in _NAMESPACES),
        *default_roles(),
        *(_priority(name, SYSTEM_CLASSES[name], text) for name, text in _CRITICAL.items()),
        _local_paths(),
        _kubernetes_service(),
    ]


def endpoints(address: str, port: int) -> list[Object]:
    """Where the Service `kubernetes` leads, as the API server itself says (pkg/controlplane/reconcilers)."""
    metadata: Object = {"name": "kubernetes", "namespace": "default"}
    skipped = {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}}
    ports = [{"name": "https", "port": port, "protocol": "TCP"}]
    return [
        {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {**metadata, **skipped},
            "subsets": [{"addresses": [{"ip": address}], "ports": ports}],
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": {"kubernetes.io/service-name": "kubernetes"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
            "ports": ports,
        },
    ]


def create_missing(client: Client, wanted: Iterable[Object] = ()) -> None:
    """Creates those of the objects that are not there; the ones that are stay as they were left.

    Without any it creates those of a fresh cluster.
    """
    kinds = client.registry.kinds
    for obj in wanted or objects():
        resource = _resource(kinds, obj)
        metadata = obj["metadata"]
        if client.get(resource, metadata.get("namespace", ""), metadata["name"]) is None:
            client.create(resource, obj)


def apply(client: Client, wanted: Iterable[Object]) -> None:
    """Applies a bundle as an administrator would: whoever applies its like later meets no conflict."""
    for obj in wanted:
        client.apply(_resource(client.registry.kinds, obj), obj)


def _resource(kinds: Kinds, obj: Object) -> str:
    kind = kinds.of(obj["apiVersion"], obj["kind"])
    if kind is None:
        raise ApiError(404, "NotFound", f"no kind {obj['kind']} in {obj['apiVersion']} is served")
    return kind.resource


def _kubernetes_service() -> Object:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    port = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "spec": {"type": "ClusterIP", "clusterIP": services.KUBERNETES, "ports": [port]},
    }


def _local_paths() -> Object:
    """The class that kind gives its clusters."""
    metadata = {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": metadata,
        "provisioner": "rancher.io/local-path",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _priority(name: str, value: int, text: str) -> Object:
    return {
        **_cluster_wide("scheduling.k8s.io/v1", "PriorityClass", name),
        "value": value,
        "description": text,
    }


def _cluster_wide(api_version: str, kind: str, name: str) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}
