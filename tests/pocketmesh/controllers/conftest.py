"""A registry on a temporary store, a clock that stands still, and controllers that are drained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pocketmesh.api.auth.tokens import Tokens
from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.clock import rfc3339
from pocketmesh.controllers.runtime import Runtime
from pocketmesh.controllers.standard import standard_controllers
from pocketmesh.objects import Object, labels_of, name_of, namespace_of
from pocketmesh.schema.kinds import Kinds, builtin_kinds
from pocketmesh.store import Store

from ..conftest import FakeClock

_SIGNING_KEY = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)


class World:
    """A control plane and, in place of a kubelet, hands that move pods."""

    def __init__(self, directory: Path, clock: FakeClock) -> None:
        self.clock = clock
        self.store = Store(directory)
        self.registry = Registry(self.store, Kinds(builtin_kinds()), self.clock)
        self.client = Client(self.registry, "test")
        self.runtime = Runtime(self.store, self.clock)
        self.tokens = Tokens(_SIGNING_KEY, self.clock)
        for controller in standard_controllers(self.registry, "CERTIFICATE", self.tokens):
            self.runtime.add(controller)
        for name in ("default", "kube-system"):
            self.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def settle(self) -> None:
        self.runtime.drain()

    def create(self, resource: str, obj: Object) -> Object:
        created = self.client.create(resource, obj)
        self.settle()
        return created

    def node(self, name: str = "node-1", **spec: object) -> None:
        metadata = {"name": name, "labels": {"kubernetes.io/hostname": name}}
        self.create("nodes", {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec})

    def pods(self, **labels: str) -> list[Object]:
        return [pod for pod in self.client.all("pods") if labels.items() <= labels_of(pod).items()]

    def run_pod(self, pod: Object, *, ready: bool = True, phase: str = "Running") -> None:
        now = rfc3339(self.clock.now())
        names = [name_of(each) for each in self.client.all("pods")]
        address = f"10.244.0.{names.index(name_of(pod)) + 2}"
        condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": now}
        status = {**pod["status"], "phase": phase, "podIP": address, "podIPs": [{"ip": address}]}
        self.client.update_status("pods", {**pod, "status": {**status, "conditions": [condition]}})
        self.settle()

    def run_all(self) -> None:
        """Makes every pod ready, and ends those that are being deleted, until nothing changes."""
        while True:
            waiting = [pod for pod in self.pods() if pod["status"].get("phase") == "Pending"]
            leaving = [pod for pod in self.pods() if "deletionTimestamp" in pod["metadata"]]
            if not waiting and not leaving:
                return
            for pod in leaving:
                self.client.delete("pods", namespace_of(pod), name_of(pod), grace=0)
            for pod in waiting:
                if self.client.get("pods", namespace_of(pod), name_of(pod)) is not None:
                    self.run_pod(self.client.get("pods", namespace_of(pod), name_of(pod)) or {})
            self.settle()

    def messages(self, reason: str) -> list[str]:
        return [event["message"] for event in self.client.all("events") if event["reason"] == reason]


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    world = World(tmp_path / "state", clock)
    yield world
    world.store.close()


@pytest.fixture
def template() -> Callable[..., Object]:
    """A pod template of one container."""

    def build(image: str = "busybox:1", **spec: object) -> Object:
        container = {"name": "main", "image": image}
        return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container], **spec}}

    return build


@pytest.fixture
def deployment(template: Callable[..., Object]) -> Callable[..., Object]:
    """A Deployment `web`."""

    def build(replicas: int = 3, image: str = "busybox:1", **spec: object) -> Object:
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "web"}},
                "template": template(image),
                **spec,
            },
        }

    return build
