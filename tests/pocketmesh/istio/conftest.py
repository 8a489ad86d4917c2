"""Objects to decide from: a fixed set without a cluster around it, or those of a real API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.clock import WallClock
from pocketmesh.controllers.runtime import Runtime
from pocketmesh.objects import Object, name_of, namespace_of
from pocketmesh.schema.crds import gateway_api_crds, istio_crds
from pocketmesh.schema.kinds import Kinds, builtin_kinds
from pocketmesh.store import Store

PLURALS = {
    "AuthorizationPolicy": "authorizationpolicies.security.istio.io",
    "EndpointSlice": "endpointslices.discovery.k8s.io",
    "Gateway": "gateways.gateway.networking.k8s.io",
    "GatewayClass": "gatewayclasses.gateway.networking.k8s.io",
    "GRPCRoute": "grpcroutes.gateway.networking.k8s.io",
    "HTTPRoute": "httproutes.gateway.networking.k8s.io",
    "Namespace": "namespaces",
    "Pod": "pods",
    "ReferenceGrant": "referencegrants.gateway.networking.k8s.io",
    "Secret": "secrets",
    "Service": "services",
    "ServiceEntry": "serviceentries.networking.istio.io",
    "TCPRoute": "tcproutes.gateway.networking.k8s.io",
    "TLSRoute": "tlsroutes.gateway.networking.k8s.io",
}


class FixedReader:
    """Objects that do not change; a later object replaces an earlier one of the same name."""

    def __init__(self, objects: Iterable[Object]) -> None:
        self._objects: dict[str, dict[tuple[str, str], Object]] = {}
        for obj in objects:
            if obj["kind"] in PLURALS:
                place = (namespace_of(obj), name_of(obj))
                self._objects.setdefault(PLURALS[obj["kind"]], {})[place] = obj

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        return self._objects.get(resource, {}).get((namespace, name))

    def all(self, resource: str, namespace: str = "") -> list[Object]:
        found = self._objects.get(resource, {})
        return [found[place] for place in sorted(found) if not namespace or place[0] == namespace]


@pytest.fixture
def reading() -> Callable[..., Any]:
    """Makes a reader of the objects that it is given."""

    def make(*objects: Object) -> FixedReader:
        return FixedReader(objects)

    return make


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """An API with the kinds of Gateway API and Istio, and the namespaces `istio-system` and `app`."""
    store = Store(tmp_path / "state")
    registry = Registry(store, Kinds(builtin_kinds()), WallClock())
    client = Client(registry, "test")
    for definition in [*gateway_api_crds(), *istio_crds()]:
        client.create("customresourcedefinitions.apiextensions.k8s.io", definition)
    for name in ("istio-system", "app", "kube-node-lease"):
        client.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield registry
    store.close()


@pytest.fixture
def client(registry: Registry) -> Client:
    return Client(registry, "test")


@pytest.fixture
def runtime(registry: Registry) -> Iterator[Runtime]:
    runtime = Runtime(registry.store, registry.clock)
    yield runtime
    runtime.close()
