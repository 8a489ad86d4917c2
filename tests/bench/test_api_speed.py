"""How fast the server answers over TLS: creates, a long list, and one change told to fifty watchers.

Servers are processes of their own; the client here is as thin as can be, so that they are measured and not
it. How fast a machine is, and how busy, cancels out: creates are compared with what a bare aiohttp server
that keeps nothing answers at the same time of day.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.bench

CONNECTIONS = 8
CREATES = 2000
WATCHERS = 50
CHANGES = 100


class Connection:
    """A kept-alive HTTP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, method: str, path: str, body: bytes = b"") -> None:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        self.writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        self.send(method, path, body)
        head = await self.head()
        assert head.startswith(b"HTTP/1.1 20"), head
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return await self.reader.readexactly(length)


class Target:
    """A server whose administrator we are."""

    def __init__(self, pki: Path, port: int) -> None:
        self.port = port
        self.tls = ssl.create_default_context(cafile=pki / "ca.crt")
        self.tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        self.opened: list[Connection] = []

    async def connect(self) -> Connection:
        address = ("127.0.0.1", self.port)
        opened = await asyncio.open_connection(*address, ssl=self.tls, limit=16 * 1024 * 1024)
        self.opened.append(Connection(*opened))
        return self.opened[-1]

    async def close(self) -> None:
        for connection in self.opened:
            connection.writer.transport.abort()
            with suppress(ConnectionError):
                await connection.writer.wait_closed()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state of a running cluster."""
    state = tmp_path_factory.mktemp("bench") / "state"
    command = [sys.executable, "-m", "pocketmesh", "serve", "--state", str(state), "--istio", "none"]
    with (state.parent / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as server:
        deadline = time.monotonic() + 20
        while not (state / "kubeconfig").exists():
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield state
        server.terminate()


@pytest.fixture
async def target(state: Path) -> AsyncIterator[Target]:
    target = Target(state / "pki", int((state / "port").read_text()))
    yield target
    await target.close()


@pytest.fixture(scope="module")
def bare_port(state: Path) -> Iterator[int]:
    command = [sys.executable, "-c", BARE, str(state / "pki")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        yield int(server.stdout.readline())
        server.terminate()


@pytest.fixture
async def bare(state: Path, bare_port: int) -> AsyncIterator[Target]:
    target = Target(state / "pki", bare_port)
    yield target
    await target.close()


BARE = """
import asyncio, ssl, sys
from aiohttp import web

async def handle(request):
    return web.Response(body=await request.read(), status=201, content_type="application/json")

async def main(pki):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pki + "/server.crt", pki + "/server.key")
    server = await asyncio.get_running_loop().create_server(web.Server(handle), "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()

asyncio.run(main(sys.argv[1]))
"""


def pod(name: str) -> bytes:
    container = {"name": "app", "image": "busybox", "ports": [{"containerPort": 80}]}
    labels = {"app": "bench", "version": "v1"}
    spec = {"containers": [container], "nodeName": "elsewhere"}
    return json.dumps({"metadata": {"name": name, "labels": labels}, "spec": spec}).encode()


def configmap(name: str) -> bytes:
    return json.dumps({"metadata": {"name": name}, "data": {"key": "value" * 20}}).encode()


async def rate(target: Target, prefix: str) -> float:
    """Creates in a second."""
    connections = [await target.connect() for _ in range(CONNECTIONS)]
    path = "/api/v1/namespaces/default/configmaps"

    async def work(number: int, connection: Connection) -> None:
        for at in range(CREATES // CONNECTIONS):
            await connection.request("POST", path, configmap(f"{prefix}-{number}-{at}"))

    start = time.perf_counter()
    await asyncio.gather(*(work(number, connection) for number, connection in enumerate(connections)))
    return CREATES / (time.perf_counter() - start)


async def test_a_durable_create_costs_less_than_four_requests_that_do_nothing(
    target: Target, bare: Target
) -> None:
    pairs = [(await rate(target, f"round-{number}"), await rate(bare, "")) for number in range(3)]

    for created, answered in pairs:
        print(f"\n{created:,.0f} creates a second, {answered:,.0f} empty requests", end="")
    assert statistics.median(answered / created for created, answered in pairs) < 4


async def test_a_list_of_a_thousand_pods(target: Target) -> None:
    connection = await target.connect()
    path = "/api/v1/namespaces/default/pods"
    for number in range(1000):
        await connection.request("POST", path, pod(f"pod-{number}"))
    taken = []
    for _ in range(20):
        start = time.perf_counter()
        body = await connection.request("GET", path)
        taken.append((time.perf_counter() - start) * 1000)
    print(f"\nlist of 1,000 pods, {len(body):,} bytes: median {statistics.median(taken):.1f} ms")
    assert statistics.median(taken) < 20


async def test_a_change_reaches_fifty_watchers(target: Target) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    watchers = [await target.connect() for _ in range(WATCHERS)]
    for watcher in watchers:
        watcher.send("GET", f"{path}?watch=true&resourceVersion=")
        await watcher.head()
    sent: dict[str, float] = {}
    taken: list[float] = []
    told = asyncio.Event()

    async def follow(watcher: Connection) -> None:
        seen = 0
        while seen < CHANGES:
            line = await watcher.reader.readuntil(b"}\n")
            at = line.find(b'"name":"change-')
            if at >= 0:
                name = line[at + 8 :].partition(b'"')[0].decode()
                taken.append((time.perf_counter() - sent[name]) * 1000)
                seen += 1
                if len(taken) % WATCHERS == 0:
                    told.set()

    following = asyncio.gather(*(follow(watcher) for watcher in watchers))
    writer: Any = await target.connect()
    for number in range(CHANGES):
        name = f"change-{number}"
        sent[name] = time.perf_counter()
        told.clear()
        await writer.request("POST", path, configmap(name))
        await told.wait()
    await following
    p99 = statistics.quantiles(taken, n=100)[-1]
    print(f"\nfan-out to {WATCHERS} watchers: median {statistics.median(taken):.1f} ms, p99 {p99:.1f} ms")
    assert statistics.median(taken) < 10
