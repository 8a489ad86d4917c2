"""How fast requests go through ztunnel and a waypoint, and what the Envoy behind it costs."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pocketmesh.clock import WallClock
from pocketmesh.controllers.runtime import Runtime
from pocketmesh.istio.dataplane import DataPlane
from pocketmesh.istio.mesh.model import workload_of
from pocketmesh.net.fabric import Fabric
from pocketmesh.store import Key, Store

pytestmark = pytest.mark.bench

REQUEST = b"GET /hello HTTP/1.1\r\nhost: hello\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


class Hello(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER)


class Setting:
    def __init__(self, fabric: Fabric, client: str, vip: str, pid: int) -> None:
        self.fabric, self.client, self.vip, self.pid = fabric, client, vip, pid

    async def request(self) -> float:
        """One request on a connection of its own, in seconds."""
        start = time.perf_counter()
        reader, writer = await asyncio.open_connection(
            sock=await self.fabric.dial(self.client, self.vip, 5000)
        )
        writer.write(REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(5)
        took = time.perf_counter() - start
        writer.close()
        assert head.startswith(b"HTTP/1.1 200")
        return took


def pod(name: str, **more: Any) -> dict[str, Any]:
    enrolled = {"annotations": {"ambient.istio.io/redirection": "enabled"}}
    return {"metadata": {"name": name, "namespace": "shop", "uid": name, **enrolled, **more}, "spec": {}}


@pytest.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    with tempfile.TemporaryDirectory(prefix="pm-") as run:
        store, clock = Store(tmp_path), WallClock()
        fabric, runtime = Fabric(store), Runtime(store, clock)
        plane = DataPlane(store, fabric, clock, Path(run))
        ips = {}
        for item in (pod("client"), pod("server"), pod("waypoint", annotations={})):
            name = item["metadata"]["name"]
            ips[name] = fabric.attach(item)
            store.create(Key("pods", "shop", name), {**item, "status": {"podIP": ips[name]}})
        fabric.listen(ips["server"], 5000, Hello)
        bound = {"istio.io/use-waypoint": "waypoint"}
        services = (
            ("hello", "10.96.0.20", "server", 5000, bound),
            ("waypoint", "10.96.0.21", "waypoint", 15008, {}),
        )
        for name, vip, behind, port, labels in services:
            meta = {"name": name, "namespace": "shop"}
            spec = {"clusterIP": vip, "ports": [{"name": "http", "port": port}]}
            store.create(
                Key("services", "shop", name), {"metadata": {**meta, "labels": labels}, "spec": spec}
            )
            ends = {
                "metadata": {**meta, "labels": {"kubernetes.io/service-name": name}},
                "ports": [{"name": "http", "port": port}],
                "endpoints": [{"addresses": [ips[behind]]}],
            }
            store.create(Key("endpointslices.discovery.k8s.io", "shop", name), ends)
        gateway = {
            "metadata": {"name": "waypoint", "namespace": "shop"},
            "spec": {},
            "status": {"addresses": [{"value": "10.96.0.21"}]},
        }
        store.create(Key("gateways.gateway.networking.k8s.io", "shop", "waypoint"), gateway)
        runtime.add(plane)
        plane.start(Silent())  # type: ignore[arg-type]
        workload = workload_of(pod("waypoint"), ips["waypoint"])
        with plane.proxy("waypoint", ("shop", "waypoint"), workload, "w", nothing) as proxy:
            envoy = asyncio.create_task(proxy.run(ignore, ignore))
            await plane.settled()
            yield Setting(fabric, ips["client"], "10.96.0.20", proxy.pid)
            envoy.cancel()
            await asyncio.wait([envoy])
        plane.close()
        store.close()


class Silent:
    def write(self, data: bytes) -> None:
        pass


async def ignore(data: bytes) -> None:
    pass


async def nothing(url: str) -> bytes:
    raise AssertionError(url)


async def test_a_routed_request_takes_two_milliseconds_at_most(setting: Setting) -> None:
    await setting.request()

    times = sorted([await setting.request() for _ in range(300)])

    print(
        f"\nmedian {statistics.median(times) * 1000:.2f} ms, "
        f"p99 {times[296] * 1000:.2f} ms, sum {sum(times):.2f} s"
    )
    assert statistics.median(times) <= 0.002
    assert sum(times) <= 1.0


async def test_an_envoy_fits_into_eighty_megabytes(setting: Setting) -> None:
    await setting.request()
    lines = memory(setting.pid)
    sizes = {
        name: int(size.split()[0]) // 1024 for name, _, size in (line.partition(":") for line in lines[1:])
    }

    print(f"\nRSS {sizes['Rss']} MB, PSS {sizes['Pss']} MB, private dirty {sizes['Private_Dirty']} MB")
    assert sizes["Rss"] <= 80


def memory(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
