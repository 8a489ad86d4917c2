from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.clock import WallClock
from pocketmesh.net.fabric import HOST_IP, Fabric
from pocketmesh.net.host import HostPorts
from pocketmesh.schema.kinds import Kinds, builtin_kinds
from pocketmesh.store import Store

Object = dict[str, Any]
Make = Callable[..., Object]
WEB = ("shop", "web")


class Telling(asyncio.Protocol):
    """Tells its client's address, then repeats what it is told."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(transport.get_extra_info("peername")[0].encode() + b"\n")

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def eof_received(self) -> bool:
        self.transport.write(b"end\n")
        return False


@pytest.fixture
def client(store: Store) -> Client:
    client = Client(Registry(store, Kinds(builtin_kinds()), WallClock()), "test")
    for name in ("default", "shop"):
        client.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return client


@pytest.fixture
async def ports(client: Client, fabric: Fabric) -> Any:
    ports = HostPorts(client, WallClock(), fabric)
    yield ports
    ports.close()


@pytest.fixture
def free() -> int:
    with socket.socket() as probe:
        for port in range(32767, 30000, -1):
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no node port is free on this machine")


@pytest.fixture
def web(client: Client, fabric: Fabric, pod: Make, endpoint_slice: Make, put: Any, free: int) -> Object:
    """The Service `web` with a node port that is free here, and a pod behind it."""
    ip = fabric.attach(pod("web"))
    fabric.listen(ip, 8080, Telling)
    put(endpoint_slice("web", ip))
    spec = {"type": "NodePort", "ports": [{"name": "http", "port": 80, "nodePort": free}]}
    meta = {"name": "web", "namespace": "shop"}
    return client.create("services", {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})


async def test_a_node_port_is_open_on_loopback(ports: HostPorts, web: Object, free: int) -> None:
    ports.reconcile(WEB)

    reader, writer = await asyncio.open_connection("127.0.0.1", free)
    assert await reader.readline() == f"{HOST_IP}\n".encode()
    writer.write(b"hello\n")
    assert await reader.readline() == b"hello\n"
    writer.write_eof()
    assert await reader.read() == b"end\n"
    writer.close()


async def test_a_port_is_closed_with_its_service(
    ports: HostPorts, web: Object, client: Client, free: int
) -> None:
    ports.reconcile(WEB)
    client.delete("services", *WEB)

    ports.reconcile(WEB)

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", free)


async def test_a_service_without_endpoints_ends_the_connection(
    ports: HostPorts, web: Object, fabric: Fabric, put: Any, endpoint_slice: Make, free: int
) -> None:
    put(endpoint_slice("web"))
    ports.reconcile(WEB)

    reader, writer = await asyncio.open_connection("127.0.0.1", free)

    assert await reader.read() == b""
    writer.close()


async def test_a_port_of_another_process_is_left_to_it(
    ports: HostPorts, web: Object, client: Client, free: int
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", free))
        other.listen()

        ports.reconcile(WEB)

    (event,) = client.all("events", "shop")
    assert event["reason"] == "HostPortUnavailable"
    assert event["message"].startswith(f"127.0.0.1:{free} cannot be opened on this machine (Address already")
