"""A node on a real registry, a clock that stands still, and a network of socket pairs."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.controllers.runtime import Runtime
from pocketmesh.controllers.standard import standard_controllers
from pocketmesh.node.catalogue import standard_images
from pocketmesh.node.disk import Disk
from pocketmesh.node.images import Catalogue
from pocketmesh.node.network import NameNotFound, NameServerSilent
from pocketmesh.node.node import Node
from pocketmesh.node.verbs import PodVerbs
from pocketmesh.objects import Object, uid_of
from pocketmesh.schema.kinds import Kinds, builtin_kinds
from pocketmesh.store import Store

from ..conftest import FakeClock

DEADLINE = 10.0


class TinyNetwork:
    """Every pod reaches every other; names are what a test says."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}
        self.listeners: dict[tuple[str, int], Callable[[], asyncio.Protocol]] = {}
        self.addresses: dict[str, str] = {}
        self.dialled: list[tuple[str, str, int]] = []
        self.silent: set[str] = set()
        self.unanswered: set[str] = set()

    def attach(self, pod: Object) -> str:
        known = (pod.get("status") or {}).get("podIP")
        number = len(self.addresses) + 5
        return self.addresses.setdefault(uid_of(pod), known or f"10.244.0.{number}")

    def detach(self, pod_uid: str) -> None:
        ip = self.addresses.pop(pod_uid, None)
        for place in [place for place in self.listeners if place[0] == ip]:
            del self.listeners[place]

    def listen(self, ip: str, port: int, factory: Callable[[], asyncio.Protocol]) -> None:
        if (ip, port) in self.listeners:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self.listeners[ip, port] = factory

    def unlisten(self, ip: str, port: int) -> None:
        self.listeners.pop((ip, port), None)

    async def dial(self, source_ip: str, ip: str, port: int) -> socket.socket:
        self.dialled.append((source_ip, ip, port))
        if ip in self.silent:
            await asyncio.Event().wait()
        factory = self.listeners.get((ip, port))
        if factory is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        await asyncio.get_running_loop().connect_accepted_socket(factory, far)
        return near

    def resolve(self, source_ip: str, source_namespace: str, name: str) -> list[str]:
        if name in self.unanswered:
            raise NameServerSilent(name)
        try:
            return self.names[name]
        except KeyError:
            raise NameNotFound(name) from None


class Place:
    """A cluster of one node whose runtime runs on the test's loop."""

    def __init__(self, directory: Path, images: list, clock: FakeClock) -> None:
        self.clock = clock
        self.directory = directory
        self.images = images
        self.network = TinyNetwork()
        self.open()
        for name in ("default", "kube-node-lease"):
            self.client.create(
                "namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            )

    def open(self, token: Callable[..., str] = lambda *_: "TOKEN") -> None:
        self.store = Store(self.directory)
        self.registry = Registry(self.store, Kinds(builtin_kinds()), self.clock)
        self.client = Client(self.registry, "test")
        self.runtime = Runtime(self.store, self.clock)
        for controller in standard_controllers(self.registry, "CERTIFICATE"):
            self.runtime.add(controller)
        self.node = Node(
            self.client,
            self.runtime,
            self.network,
            Catalogue(self.images),
            self.clock,
            disk=Disk(self.directory.with_name("disk")),
            token=token,
        )
        self.verbs = PodVerbs(self.node)
        self.node.start()
        self.running = asyncio.ensure_future(self.runtime.run())

    async def close(self) -> None:
        self.node.stop()
        self.running.cancel()
        await asyncio.wait([self.running])
        for _ in range(3):
            await asyncio.sleep(0)
        self.store.close()

    async def reopen(self) -> None:
        """As after the death of the process: the API keeps what it said, every program is gone."""
        await self.close()
        self.network.listeners.clear()
        self.network.addresses.clear()
        self.open()

    def pod(self, name: str = "a", **container: object) -> Object:
        spec = {"restartPolicy": container.pop("restartPolicy", "Always")}
        for field in ("initContainers", "hostname", "terminationGracePeriodSeconds", "volumes"):
            if field in container:
                spec[field] = container.pop(field)
        others = container.pop("others", [])
        own = {"name": "main", "image": "busybox", "command": ["sleep", "infinity"], **container}
        metadata = {"name": name, "namespace": "default", "labels": {"app": name}}
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {"containers": [own, *others], **spec},
        }
        return self.client.create("pods", body)

    def get(self, name: str = "a") -> Object | None:
        return self.client.get("pods", "default", name)

    def status(self, name: str = "a") -> Object:
        return (self.get(name) or {}).get("status") or {}

    def state(self, name: str = "a") -> Object:
        rows = self.status(name).get("containerStatuses") or [{}]
        return rows[0].get("state") or {}

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not holds():
                self.runtime.wake()
                await asyncio.sleep(0.001)

    async def until_ready(self, name: str = "a") -> None:
        def is_ready() -> bool:
            conditions = self.status(name).get("conditions") or []
            return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

        await self.until(is_ready)

    def messages(self, reason: str) -> list[str]:
        return [event["message"] for event in self.client.all("events") if event["reason"] == reason]


class Typist:
    """Somebody at the other end of the streams."""

    def __init__(self, stdin: bytes = b"") -> None:
        self.out = bytearray()
        self.err = bytearray()
        self.typed: asyncio.Queue[bytes] = asyncio.Queue()
        if stdin:
            self.typed.put_nowait(stdin)
            self.typed.put_nowait(b"")

    async def read(self, limit: int = 65536, /) -> bytes:
        return await self.typed.get()

    async def stdout(self, data: bytes) -> None:
        self.out += data

    async def stderr(self, data: bytes) -> None:
        self.err += data


@pytest.fixture
def images() -> list:
    """The images that the node knows; a test may add its own."""
    return standard_images()


@pytest.fixture
async def place(tmp_path: Path, images: list, clock: FakeClock) -> AsyncIterator[Place]:
    place = Place(tmp_path / "state", images, clock)
    yield place
    await place.close()


@pytest.fixture
def terminal() -> Typist:
    """A client that types what a test puts into `typed`."""
    return Typist()


@pytest.fixture
def run(place: Place) -> Callable:
    """Runs a command in pod `a` and returns (exit code, stdout, stderr)."""

    async def run(
        *argv: str, stdin: bytes = b"", pod: str = "a", container: str = ""
    ) -> tuple[int, str, str]:
        from pocketmesh.api.runtime import Streams

        client = Typist(stdin)
        streams = Streams(client if stdin else None, client.stdout, client.stderr)
        code = await place.verbs.exec("default", pod, container, list(argv), streams)
        return code, client.out.decode(), client.err.decode()

    return run
