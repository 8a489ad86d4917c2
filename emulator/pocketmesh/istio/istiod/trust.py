"""Gives each namespace the mesh's root certificate, as the ConfigMap that proxies mount."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.istio.resources import CONFIG_MAPS, NAMESPACES
from pocketmesh.objects import labels_of
from pocketmesh.store import Event

ROOT_CERTIFICATE: Final = "istio-ca-root-cert"

_LABELS: Final = {"istio.io/config": "true"}
_IGNORED: Final = frozenset({"kube-system", "kube-public", "kube-node-lease", "local-path-storage"})


class RootCertificates:
    """A key is a namespace's name (upstream: istio/istio pilot/pkg/serviceregistry/kube/controller/
    namespacecontroller.go, which leaves out Kubernetes' own namespaces)."""

    name = "istiod root certificates"

    def __init__(self, client: Client, certificate: str) -> None:
        self._client = client
        self._data = {"root-cert.pem": certificate}

    def concerns(self, event: Event) -> Iterable[Hashable]:
        resource, namespace, name = event.key
        if resource == NAMESPACES and event.type != "DELETED":
            return (name,)
        return (namespace,) if (resource, name) == (CONFIG_MAPS, ROOT_CERTIFICATE) else ()

    def reconcile(self, name: str) -> float | None:
        namespace = self._client.get(NAMESPACES, "", name)
        if namespace is None or "deletionTimestamp" in namespace["metadata"] or name in _IGNORED:
            return None
        found = self._client.get(CONFIG_MAPS, name, ROOT_CERTIFICATE)
        if found is None:
            metadata = {"namespace": name, "name": ROOT_CERTIFICATE, "labels": _LABELS}
            wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": self._data}
            self._client.create(CONFIG_MAPS, wanted)
        elif found.get("data") != self._data:
            labels = {**labels_of(found), **_LABELS}
            metadata = {**found["metadata"], "labels": labels}
            self._client.update(CONFIG_MAPS, {**found, "metadata": metadata, "data": self._data})
        return None
