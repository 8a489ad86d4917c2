"""How fast the registry writes, the disk included."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.clock import WallClock
from pocketmesh.objects import Object
from pocketmesh.schema.kinds import Kinds, builtin_kinds
from pocketmesh.store import Store

pytestmark = pytest.mark.bench

ROUNDS = 300


def median_ms(act: Callable[[int], Any]) -> float:
    taken = []
    for number in range(ROUNDS):
        start = time.perf_counter()
        act(number)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1000


def deployment(replicas: int) -> Object:
    labels = {"app": "web"}
    container = {
        "name": "web",
        "image": "nginx:1.27",
        "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 443, "name": "https"}],
        "env": [{"name": name, "value": "x"} for name in ("A", "B", "C")],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


@pytest.fixture
def client(tmp_path: Path):
    store = Store(tmp_path)
    client = Client(Registry(store, Kinds(builtin_kinds()), WallClock()), "bench")
    client.create("namespaces", {"metadata": {"name": "shop"}})
    yield client
    store.close()


def test_a_typed_create_takes_a_third_of_a_millisecond(client):
    def create(number: int) -> None:
        body = {"metadata": {"name": f"c{number}", "namespace": "shop"}, "data": {"a": "b"}}
        client.create("configmaps", body)

    taken = median_ms(create)
    print(f"create: {taken:.3f} ms")
    assert taken < 0.3


def test_an_apply_of_a_deployment_takes_a_millisecond(client):
    taken = median_ms(lambda number: client.apply("deployments.apps", deployment(number)))
    print(f"apply: {taken:.3f} ms")
    assert taken < 1
