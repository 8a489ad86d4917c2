from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pocketmesh.net.fabric import Fabric
from pocketmesh.store import Key, Store

Object = dict[str, Any]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def fabric(store: Store) -> Iterator[Fabric]:
    fabric = Fabric(store)
    yield fabric
    fabric.close()


@pytest.fixture
def pod() -> Callable[..., Object]:
    def make(name: str, ip: str = "", **spec: Any) -> Object:
        return {
            "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}"},
            "spec": spec,
            "status": {"podIP": ip} if ip else {},
        }

    return make


@pytest.fixture
def service() -> Callable[..., Object]:
    def make(name: str, ip: str = "10.96.0.20", ports: list[Object] | None = None, **spec: Any) -> Object:
        return {
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"clusterIP": ip, "ports": ports or [{"name": "http", "port": 80}], **spec},
        }

    return make


@pytest.fixture
def endpoint_slice() -> Callable[..., Object]:
    def make(service: str, *ips: str, port: int = 8080, port_name: str = "http", **entry: Any) -> Object:
        labels = {"kubernetes.io/service-name": service}
        return {
            "metadata": {"name": f"{service}-{port}", "namespace": "shop", "labels": labels},
            "addressType": "IPv4",
            "ports": [{"name": port_name, "port": port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [ip], **entry} for ip in ips],
        }

    return make


@pytest.fixture
def put(store: Store) -> Callable[..., None]:
    def put(*objects: Object) -> None:
        for obj in objects:
            resource = "endpointslices.discovery.k8s.io" if "endpoints" in obj else "services"
            key = Key(resource, obj["metadata"]["namespace"], obj["metadata"]["name"])
            if store.get(key) is None:
                store.create(key, obj)
            else:
                store.update(key, obj)

    return put
