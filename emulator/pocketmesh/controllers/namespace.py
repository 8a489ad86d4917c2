"""Namespaces: what each one gets when it is made, and the emptying of one that is deleted.

Follows pkg/controller/namespace, pkg/controller/serviceaccount and the root CA publisher
(pkg/controller/certificates/rootcacertpublisher).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.controllers.namespace_conditions import terminating
from pocketmesh.objects import Object, annotations_of, name_of
from pocketmesh.store import Event

ROOT_CA: Final = "kube-root-ca.crt"
_FURNITURE: Final = ("serviceaccounts", "configmaps")
_ROOT_CA_NOTE: Final = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints "
    "such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across "
    "distributions of Kubernetes clusters."
)


class Namespaces:
    """Furnishes namespaces and clears them away."""

    name = "namespace"

    def __init__(self, client: Client, clock: Clock, ca_certificate: str) -> None:
        self._client = client
        self._clock = clock
        self._ca = ca_certificate

    def concerns(self, event: Event) -> Iterable[Hashable]:
        if event.key.resource == "namespaces":
            yield event.key.name
        elif event.type == "DELETED" and event.key.namespace:
            if self._is_terminating(event.key.namespace) or event.key.resource in _FURNITURE:
                yield event.key.namespace
        elif event.key.resource == "configmaps" and event.key.name == ROOT_CA:
            yield event.key.namespace

    def reconcile(self, key: str) -> float | None:
        namespace = self._client.get("namespaces", "", key)
        if namespace is None:
            return None
        if "deletionTimestamp" in namespace["metadata"]:
            self._clear(namespace)
        else:
            self._furnish(key)
        return None

    def _is_terminating(self, name: str) -> bool:
        namespace = self._client.get("namespaces", "", name)
        return namespace is not None and "deletionTimestamp" in namespace["metadata"]

    def _furnish(self, name: str) -> None:
        if self._client.get("serviceaccounts", name, "default") is None:
            account: Object = {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": "default", "namespace": name},
            }
            self._client.create("serviceaccounts", account)
        wanted: Object = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": ROOT_CA,
                "namespace": name,
                "annotations": {"kubernetes.io/description": _ROOT_CA_NOTE},
            },
            "data": {"ca.crt": self._ca},
        }
        current = self._client.get("configmaps", name, ROOT_CA)
        if current is None:
            self._client.create("configmaps", wanted)
        elif current.get("data") != wanted["data"]:
            kept = {**annotations_of(current), **annotations_of(wanted)}
            self._client.update(
                "configmaps", {**wanted, "metadata": {**current["metadata"], "annotations": kept}}
            )

    def _clear(self, namespace: Object) -> None:
        """Deletes what is left, pods before all else; each thing that goes calls again, and the last one
        frees the namespace."""
        name = name_of(namespace)
        remaining = {"pods": self._delete_all("pods", name)}
        if not remaining["pods"]:
            for resource in self._client.registry.store.resources():
                remaining[resource] = self._delete_all(resource, name)
        if any(remaining.values()):
            before = (namespace.get("status") or {}).get("conditions") or []
            conditions = terminating(before, remaining, rfc3339(self._clock.now()))
            status = {**namespace["status"], "conditions": conditions}
            self._client.update_status("namespaces", {**namespace, "status": status})
            return
        finalizers = [held for held in namespace["spec"].get("finalizers") or [] if held != "kubernetes"]
        patch = {"spec": {"finalizers": finalizers or None}}
        self._client.merge("namespaces", "", name, patch, "finalize")

    def _delete_all(self, resource: str, namespace: str) -> list[Object]:
        """Deletes a resource's objects; returns those that something holds back."""
        for obj in self._client.all(resource, namespace):
            if "deletionTimestamp" not in obj["metadata"]:
                self._client.delete(resource, namespace, name_of(obj))
        return self._client.all(resource, namespace)
