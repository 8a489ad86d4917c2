from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import Any

import pytest

from pocketmesh.net.fabric import HOST_IP, Fabric
from pocketmesh.net.interception import Connection, Taking

Make = Callable[..., Any]


class Greeter(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"hello")
        transport.close()


async def read(fabric: Fabric, source: str, ip: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(sock=await fabric.dial(source, ip, port))
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_a_pod_reaches_another(fabric: Fabric, pod: Make) -> None:
    client, server = fabric.attach(pod("client")), fabric.attach(pod("server"))
    fabric.listen(server, 8080, Greeter)

    assert await read(fabric, client, server, 8080) == b"hello"


async def test_a_server_sees_its_clients_address(fabric: Fabric, pod: Make) -> None:
    client, server = fabric.attach(pod("client")), fabric.attach(pod("server"))

    class Host(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            transport.write(transport.get_extra_info("peername")[0].encode())
            transport.close()

    fabric.listen(server, 8080, Host)

    assert await read(fabric, client, server, 8080) == client.encode()


async def test_a_pod_reaches_itself_at_localhost(fabric: Fabric, pod: Make) -> None:
    server = fabric.attach(pod("server"))
    fabric.listen(server, 8080, Greeter)

    assert await read(fabric, server, "127.0.0.1", 8080) == b"hello"


async def test_a_virtual_address_leads_to_a_pod(
    fabric: Fabric, pod: Make, put: Make, service: Make, endpoint_slice: Make
) -> None:
    server = fabric.attach(pod("server"))
    fabric.listen(server, 8080, Greeter)
    put(service("web"), endpoint_slice("web", server))

    assert await read(fabric, HOST_IP, "10.96.0.20", 80) == b"hello"


async def test_connections_follow_the_endpoints(
    fabric: Fabric, pod: Make, put: Make, service: Make, endpoint_slice: Make
) -> None:
    server = fabric.attach(pod("server"))
    fabric.listen(server, 8080, Greeter)
    put(service("web"), endpoint_slice("web", server))
    await read(fabric, HOST_IP, "10.96.0.20", 80)

    put(endpoint_slice("web"))

    with pytest.raises(ConnectionRefusedError):
        await fabric.dial(HOST_IP, "10.96.0.20", 80)


@pytest.mark.parametrize(
    ("ip", "number"),
    [
        pytest.param("10.244.0.2", errno.ECONNREFUSED, id="nothing listens"),
        pytest.param("10.244.0.99", errno.EHOSTUNREACH, id="no such pod"),
        pytest.param("10.96.0.20", errno.ETIMEDOUT, id="a port that the service has not"),
        pytest.param("192.0.2.1", errno.ETIMEDOUT, id="an address outside"),
    ],
)
async def test_what_leads_nowhere_fails_as_in_a_cluster(
    fabric: Fabric, pod: Make, put: Make, service: Make, ip: str, number: int
) -> None:
    fabric.attach(pod("server", ip="10.244.0.2"))
    put(service("web"))

    with pytest.raises(OSError) as failure:
        await fabric.dial(HOST_IP, ip, 8080)

    assert failure.value.errno == number


async def test_a_pod_that_is_gone_is_unreachable(fabric: Fabric, pod: Make) -> None:
    server = fabric.attach(pod("server"))
    fabric.listen(server, 8080, Greeter)
    fabric.detach("uid-server")

    with pytest.raises(OSError, match="No route to host"):
        await fabric.dial(HOST_IP, server, 8080)


def test_a_port_is_listened_on_once(fabric: Fabric, pod: Make) -> None:
    server = fabric.attach(pod("server"))
    fabric.listen(server, 8080, Greeter)

    with pytest.raises(OSError, match="Address already in use"):
        fabric.listen(server, 8080, Greeter)


async def test_an_interceptor_takes_what_a_pod_dials(fabric: Fabric, pod: Make) -> None:
    client = fabric.attach(pod("client"))
    seen: list[Connection] = []

    class Everything:
        def outbound(self, connection: Connection) -> Taking:
            async def take(far: Any) -> None:
                seen.append(connection)
                far.close()

            return take

        def inbound(self, connection: Connection) -> None:
            raise AssertionError("captured twice")

    fabric.intercept(Everything())

    assert await read(fabric, client, "10.96.0.20", 80) == b""
    assert [(entry.source_ip, entry.ip, entry.port) for entry in seen] == [(client, "10.96.0.20", 80)]


def test_a_pod_on_the_host_network_has_the_address_of_the_node(fabric: Fabric, pod: Make) -> None:
    assert fabric.attach(pod("agent", hostNetwork=True)) == "172.18.0.2"


async def test_a_node_port_leads_to_a_pod_as_the_node(
    fabric: Fabric, pod: Make, service: Make, endpoint_slice: Make, put: Callable[..., None]
) -> None:
    ip = fabric.attach(pod("server"))
    fabric.listen(ip, 8080, Greeter)
    put(service("web", ports=[{"name": "http", "port": 80, "nodePort": 30080}]), endpoint_slice("web", ip))

    assert await read(fabric, "10.244.0.9", "172.18.0.2", 30080) == b"hello"
    with pytest.raises(ConnectionRefusedError):
        await fabric.dial("10.244.0.9", "172.18.0.2", 30081)
