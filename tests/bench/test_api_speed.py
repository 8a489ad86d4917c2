"""How fast the API answers real connections over TLS, how soon a cluster is ready, and what it weighs.

The goals are twice the figures of a prototype that did nothing but store objects, on the same two cores
that the client of this test uses too.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.bench

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
CONNECTIONS = 8
PATIENCE = 30.0


class Daemon:
    """A cluster as a process of its own."""

    def __init__(self, state: Path, istio: str) -> None:
        self._kubeconfig = state / "kubeconfig"
        self._kubeconfig.unlink(missing_ok=True)
        command = [sys.executable, "-P", "-m", "pocketmesh", "serve", "--state", str(state), "--istio", istio]
        started = time.perf_counter()
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while not self._kubeconfig.exists():
            assert time.perf_counter() < started + PATIENCE
            time.sleep(0.002)
        self.took = time.perf_counter() - started
        config = yaml.safe_load(self._kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        self.port = int(cluster["server"].rpartition(":")[2])
        self.tls = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )
        self.tls.load_cert_chain(state / "pki" / "admin.crt", state / "pki" / "admin.key")

    def memory(self) -> dict[str, float]:
        """Megabytes, as the kernel counts them."""
        lines = Path(f"/proc/{self._process.pid}/smaps_rollup").read_text().splitlines()[1:]
        sizes = (line.split()[:2] for line in lines)
        return {name.rstrip(":"): int(size) / 1024 for name, size in sizes}

    def cpu(self) -> float:
        """Seconds of processor time so far; what else the machine does counts little here."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


class Connection:
    """HTTP with as little work as possible, so that the server is what is measured."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> bytes:
        """The body of the answer, which must be a good one."""
        sent = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
        self._writer.write(f"{head}Content-Length: {len(sent)}\r\n\r\n".encode() + sent)
        answered = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        length = int(answered.lower().partition("content-length: ")[2].partition("\r\n")[0])
        found = await self._reader.readexactly(length)
        assert answered[9] == "2", found
        return found

    async def lines(self, path: str) -> asyncio.StreamReader:
        """Starts a watch; its lines come in chunks."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await self._reader.readuntil(b"\r\n\r\n")
        return self._reader

    def close(self) -> None:
        self._writer.transport.abort()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path, "none")
    yield daemon
    daemon.end()


@pytest.fixture
async def connect(daemon: Daemon) -> Any:
    opened: list[Connection] = []

    async def dial() -> Connection:
        streams = await asyncio.open_connection("127.0.0.1", daemon.port, ssl=daemon.tls, limit=2**26)
        opened.append(Connection(*streams))
        return opened[-1]

    yield dial
    for connection in opened:
        connection.close()
    for _ in range(5):
        await asyncio.sleep(0)


def configmap(name: str) -> Any:
    return {"metadata": {"name": name, "labels": {"app": "bench"}}, "data": {"key": "value"}}


def pod(name: str) -> Any:
    """A pod that nobody acts on."""
    containers = [
        {"name": "c", "image": "docker.io/curlimages/curl:8.16.0", "command": ["sleep", "infinity"]}
    ]
    return {"metadata": {"name": name}, "spec": {"schedulerName": "nobody", "containers": containers}}


def deployment(name: str) -> Any:
    labels = {"app": "web"}
    container = {"name": "c", "image": "nginx:1.27", "ports": [{"containerPort": 80}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


async def spread(connections: list[Connection], bodies: list[Any], path: str) -> float:
    """Seconds for creating all, each connection one after the other."""

    async def work(connection: Connection, mine: list[Any]) -> None:
        for body in mine:
            await connection.call("POST", path, body)

    started = time.perf_counter()
    await asyncio.gather(*(work(one, bodies[i :: len(connections)]) for i, one in enumerate(connections)))
    return time.perf_counter() - started


async def test_objects_are_created_over_eight_connections(daemon: Daemon, connect: Callable[[], Any]) -> None:
    connections, rates, before = [await connect() for _ in range(CONNECTIONS)], [], daemon.cpu()
    for attempt in range(5):
        bodies = [configmap(f"c{attempt}-{number}") for number in range(400)]
        rates.append(len(bodies) / await spread(connections, bodies, CONFIGMAPS))
    spent = (daemon.cpu() - before) / 2000

    print(
        f"\ncreates/s: median {statistics.median(rates):.0f}, best {max(rates):.0f}; "
        f"{1 / spent:.0f} in a second of the server's processor time"
    )
    assert 1 / spent >= 1000


async def test_a_thousand_pods_are_listed(daemon: Daemon, connect: Callable[[], Any]) -> None:
    connections = [await connect() for _ in range(CONNECTIONS)]
    await spread(connections, [pod(f"p{number}") for number in range(1000)], PODS)
    times, before = [], daemon.cpu()
    for _ in range(50):
        started = time.perf_counter()
        found = await connections[0].call("GET", PODS)
        times.append((time.perf_counter() - started) * 1000)
    spent = (daemon.cpu() - before) / 50 * 1000

    assert found.count(b'"uid"') >= 1000
    print(
        f"\nlist of 1,000 pods ({len(found) // 1024} KiB): median {statistics.median(times):.1f} ms, "
        f"best {min(times):.1f} ms; {spent:.1f} ms of the server's processor time"
    )
    assert spent <= 10


async def test_events_reach_fifty_watchers(connect: Callable[[], Any]) -> None:
    writer, delays = await connect(), []
    revision = json.loads(await writer.call("GET", CONFIGMAPS + "?limit=1"))["metadata"]["resourceVersion"]
    watches = [
        await (await connect()).lines(f"{CONFIGMAPS}?watch=true&resourceVersion={revision}")
        for _ in range(50)
    ]

    async def read(lines: asyncio.StreamReader) -> None:
        for _ in range(100):
            line = b""
            while not line.startswith(b'{"type"'):  # between the chunks stand their sizes
                line = await lines.readline()
            sent = line.partition(b'"at":"')[2].partition(b'"')[0]
            delays.append((time.perf_counter_ns() - int(sent)) / 1e6)

    reading = asyncio.gather(*(read(lines) for lines in watches))
    for number in range(100):
        body = configmap(f"f{number}")
        body["data"] = {"at": str(time.perf_counter_ns())}
        await writer.call("POST", CONFIGMAPS, body)
        await asyncio.sleep(0.01)
    await reading

    delays.sort()
    print(f"\nfan-out to 50: median {statistics.median(delays):.1f} ms, p99 {delays[-50]:.1f} ms")
    assert statistics.median(delays) <= 20


async def test_a_hundred_objects_are_applied(daemon: Daemon, connect: Callable[[], Any]) -> None:
    connection = await connect()
    for what in ("new", "unchanged"):
        times, before = [], daemon.cpu()
        for number in range(100):
            started = time.perf_counter()
            path = f"/apis/apps/v1/namespaces/default/deployments/d{number}?fieldManager=bench"
            await connection.call("PATCH", path, deployment(f"d{number}"), "application/apply-patch+yaml")
            times.append((time.perf_counter() - started) * 1000)
        spent = (daemon.cpu() - before) * 1000
        print(
            f"\n100 {what} Deployments applied: {sum(times):.0f} ms, median {statistics.median(times):.1f}; "
            f"{spent:.0f} ms of the server's processor time, controllers included"
        )
        assert spent <= 1000


async def test_a_snapshot_is_restored(connect: Callable[[], Any]) -> None:
    connection = await connect()
    await connection.call("POST", "/pocketmesh/v1/snapshots/bench")
    times, changes = [], 0
    for _ in range(3):
        for number in range(50):
            await connection.call("POST", CONFIGMAPS, configmap(f"s{number}"))
        started = time.perf_counter()
        answer = json.loads(await connection.call("POST", "/pocketmesh/v1/snapshots/bench/restore"))
        times.append((time.perf_counter() - started) * 1000)
        changes = answer["changes"]

    print(f"\nrestore of {changes} changes: median {statistics.median(times):.0f} ms")
    assert statistics.median(times) <= 500


@pytest.mark.parametrize("istio", ["none", "ambient"])
def test_a_cluster_is_ready_soon_and_weighs_little(tmp_path: Path, istio: str) -> None:
    took: dict[str, list[float]] = {"ready after": [], "again after": []}
    for attempt in range(3):
        for times in took.values():
            daemon = Daemon(tmp_path / str(attempt), istio)
            times.append(daemon.took)
            memory, spent = daemon.memory(), daemon.cpu()
            daemon.end()

    shown = ", ".join(f"{what} {statistics.median(times):.2f} s" for what, times in took.items())
    print(
        f"\n{istio}: {shown} ({spent:.2f} s of processor time); "
        f"RSS {memory['Rss']:.0f} MB, PSS {memory['Pss']:.0f} MB"
    )
    assert min(took["ready after"]) <= 2.0
    assert memory["Pss"] <= 100
