"""The emulated hosts outside, as pods meet them."""

from __future__ import annotations

import asyncio
import ssl
from ipaddress import IPv4Address, IPv4Network

import pytest

from pocketmesh.clock import WallClock
from pocketmesh.net.fabric import Fabric
from pocketmesh.net.outside import Outside
from pocketmesh.net.outside.sites import SITES
from pocketmesh.node.network import NameNotFound
from pocketmesh.store import Store

POD = "10.244.0.2"


@pytest.fixture
def fabric(tmp_path: object) -> object:
    store = Store(tmp_path)  # type: ignore[arg-type]
    fabric = Fabric(store, outside=Outside(WallClock()))
    yield fabric
    fabric.close()
    store.close()


async def fetch(fabric: Fabric, host: str, port: int, path: str = "/") -> bytes:
    """The raw answer to a GET request."""
    (ip,) = fabric.resolve(POD, "default", host)
    sock = await fabric.dial(POD, ip, port)
    tls = None
    if port == 443:
        assert fabric.outside is not None
        tls = ssl.create_default_context(cadata=fabric.outside.authority.certificate.decode())
    reader, writer = await asyncio.open_connection(sock=sock, ssl=tls, server_hostname=host if tls else None)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer


def test_every_host_has_an_address_of_its_own_that_no_real_host_has() -> None:
    addresses = [site.address for site in SITES]

    assert len(set(addresses)) == len(addresses)
    assert all(IPv4Address(ip) in IPv4Network("203.0.113.0/24") for ip in addresses)


@pytest.mark.parametrize(
    ("host", "port", "path", "status", "said"),
    [
        pytest.param(
            "httpbin.org", 80, "/get?a=1", b"200", b'"url": "http://httpbin.org/get?a=1"', id="http"
        ),
        pytest.param("httpbin.org", 443, "/get", b"200", b'"url": "https://httpbin.org/get"', id="https"),
        pytest.param("httpbin.org", 80, "/status/418", b"418", b"", id="a status of one's choice"),
        pytest.param("example.com", 443, "/", b"200", b"<h1>example.com</h1>", id="a page"),
        pytest.param(
            "edition.cnn.com", 80, "/politics", b"301", b"https://edition.cnn.com/politics", id="to tls"
        ),
        pytest.param("edition.cnn.com", 443, "/politics", b"200", b"<h1>", id="tls only"),
    ],
)
async def test_a_host_answers(
    fabric: Fabric, host: str, port: int, path: str, status: bytes, said: bytes
) -> None:
    answer = await fetch(fabric, host, port, path)

    assert answer.split()[1] == status
    assert said in answer


async def test_there_is_nothing_else_outside(fabric: Fabric) -> None:
    with pytest.raises(NameNotFound):
        fabric.resolve(POD, "default", "unknown.example")
    with pytest.raises(TimeoutError):
        await fabric.dial(POD, "203.0.113.99", 80)
    with pytest.raises(TimeoutError):
        await fabric.dial(POD, "203.0.113.10", 22)
