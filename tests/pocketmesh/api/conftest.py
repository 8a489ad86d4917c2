"""A registry over a real store, with a clock that stands still until a test moves it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pocketmesh.api.calls import Caller, DeleteOptions, Deletion, Result, Write
from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.objects import Object
from pocketmesh.schema.kinds import Kind, Kinds, builtin_kinds
from pocketmesh.store import Store

from ..conftest import FakeClock

ADMIN = Caller("kubernetes-admin", ("system:masters", "system:authenticated"))


class Api:
    """Short spellings of the registry's verbs, for the administrator with kubectl."""

    def __init__(self, registry: Registry, clock: FakeClock) -> None:
        self.registry = registry
        self.clock = clock

    def kind(self, resource: str) -> Kind:
        return self.registry.kinds.stored(resource)

    def write(self, manager: str = "kubectl", **fields: Any) -> Write:
        return Write(ADMIN, manager, **fields)

    def create(self, resource: str, obj: Object, **write: Any) -> Object:
        return self.created(resource, obj, **write).object

    def created(self, resource: str, obj: Object, **write: Any) -> Result:
        namespace = obj.get("metadata", {}).get("namespace", "")
        return self.registry.create(self.kind(resource), namespace, obj, self.write(**write))

    def get(self, resource: str, name: str, namespace: str = "") -> Object:
        return self.registry.get(self.kind(resource), namespace, name)

    def update(self, resource: str, obj: Object, *, subresource: str = "", **write: Any) -> Object:
        metadata = obj["metadata"]
        return self.registry.update(
            self.kind(resource),
            metadata.get("namespace", ""),
            metadata["name"],
            obj,
            self.write(**write),
            subresource=subresource,
        ).object

    def patch(
        self,
        resource: str,
        name: str,
        content_type: str,
        body: Any,
        namespace: str = "",
        *,
        subresource: str = "",
        **write: Any,
    ) -> Object:
        return self.registry.patch(
            self.kind(resource),
            namespace,
            name,
            content_type,
            body,
            self.write(**write),
            subresource=subresource,
        ).object

    def apply(self, resource: str, obj: Object, *, subresource: str = "", **write: Any) -> Object:
        metadata = obj["metadata"]
        namespace = metadata.get("namespace", "")
        return self.patch(
            resource,
            metadata["name"],
            "application/apply-patch+yaml",
            obj,
            namespace,
            subresource=subresource,
            **write,
        )

    def delete(self, resource: str, name: str, namespace: str = "", **options: Any) -> Deletion:
        return self.registry.delete(
            self.kind(resource), namespace, name, DeleteOptions(**options), self.write()
        )

    def exists(self, resource: str, name: str, namespace: str = "") -> bool:
        return Client(self.registry, "test").get(resource, namespace, name) is not None


@pytest.fixture(scope="session")
def kinds_of_kubernetes() -> list[Kind]:
    return builtin_kinds()


@pytest.fixture
def core(tmp_path: Path, kinds_of_kubernetes: list[Kind], clock: FakeClock) -> Iterator[Api]:
    """An API with the namespace `shop`."""
    store = Store(tmp_path / "state")
    api = Api(Registry(store, Kinds(kinds_of_kubernetes), clock), clock)
    api.create("namespaces", {"metadata": {"name": "shop"}})
    yield api
    store.close()


@pytest.fixture
def deployment() -> Object:
    """A Deployment as a client sends it."""
    labels = {"app": "web"}
    container = {"name": "web", "image": "nginx:1.27", "ports": [{"containerPort": 80}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


@pytest.fixture
def gadgets() -> Object:
    """A CustomResourceDefinition with two served versions, a default and a status subresource."""
    spec = {
        "type": "object",
        "properties": {
            "size": {"type": "integer", "default": 1},
            "color": {"type": "string"},
            "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "options": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {
        "openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}},
    }
    version = {"served": True, "schema": schema, "subresources": {"status": {}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "gadgets", "kind": "Gadget"},
            "versions": [
                {**version, "name": "v1", "storage": True, "selectableFields": [{"jsonPath": ".spec.color"}]},
                {**version, "name": "v1beta1", "storage": False},
            ],
        },
    }
