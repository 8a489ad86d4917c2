"""Connections that no client should make: cut off, garbage, too many, never read. Memory stays bounded."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
MEGABYTE = 1024 * 1024
WATCHES = 1_000
PATIENCE = 20.0

Dial = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@pytest.fixture
async def dial(served: Any) -> AsyncIterator[Dial]:
    """Opens TLS connections as the administrator; they are gone after the test."""
    writers: list[asyncio.StreamWriter] = []

    async def opened() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await served.raw()
        writers.append(writer)
        return reader, writer

    yield opened
    for writer in writers:
        writer.transport.abort()
    for _ in writers:
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Returns when the condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def head(reader: asyncio.StreamReader) -> str:
    async with asyncio.timeout(PATIENCE):
        return (await reader.readuntil(b"\r\n\r\n")).decode()


async def serves(session: aiohttp.ClientSession) -> bool:
    async with session.get("/readyz") as response:
        return await response.text() == "ok"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(b"BREW /coffee HTTP/1.1\r\n\r\n", 400, id="unknown-method"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, id="http-2"),
        pytest.param(b"\x16\x03\x01" + b"\0" * 200 + b"\r\n\r\n", 400, id="tls-in-tls"),
        pytest.param(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400, id="length-is-no-number"),
        pytest.param(b"GET / HTTP/1.1\r\nHost\r\n\r\n", 400, id="header-without-value"),
        pytest.param(b"GET /%s HTTP/1.1\r\n\r\n" % (b"a" * 3 * MEGABYTE), 431, id="url-of-megabytes"),
        pytest.param(
            b"GET / HTTP/1.1\r\nX: %s\r\n\r\n" % (b"a" * 3 * MEGABYTE), 431, id="header-of-megabytes"
        ),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n", 400, id="ten-thousand-headers"),
        pytest.param(
            b"POST %s HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"
            % CONFIGMAPS.encode(),
            400,
            id="badly-chunked",
        ),
    ],
)
async def test_what_is_no_http_is_answered_with_a_status(
    session: aiohttp.ClientSession, dial: Dial, sent: bytes, code: int
) -> None:
    reader, writer = await dial()
    writer.write(sent)

    first = await head(reader)
    length = int(first.lower().partition("content-length: ")[2].partition("\r\n")[0])
    status = json.loads(await reader.readexactly(length))

    assert first.split()[1] == str(code)
    assert (status["kind"], status["status"], status["code"]) == ("Status", "Failure", code)
    assert await serves(session)


async def test_garbage_instead_of_tls_is_dropped(session: aiohttp.ClientSession, served: Any) -> None:
    for sent in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(1000), b"\x16\x03\x01\xff\xff", b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(sent)
        writer.write_eof()
        async with asyncio.timeout(PATIENCE):
            await reader.read()
        writer.close()
        await writer.wait_closed()

    assert await serves(session)


async def test_bodies_that_break_off_leave_nothing_behind(
    session: aiohttp.ClientSession, served: Any, dial: Dial
) -> None:
    assert await serves(session)
    before = served.open_files()
    for sent in (b"{", b'{"metadata":{"name":"half"}}'):
        for _ in range(20):
            _, writer = await dial()
            writer.write(
                f"POST {CONFIGMAPS} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode() + sent
            )
            await writer.drain()
            writer.transport.abort()

    await until(lambda: served.open_files() <= before)
    async with session.get(f"{CONFIGMAPS}/half") as response:
        assert response.status == 404


async def test_without_credentials_there_is_health_and_version_only(served: Any) -> None:
    paths = ["/", "/api", "/apis", "/api/v1", "/openapi/v2", "/openapi/v3", "/metrics", CONFIGMAPS]
    paths += ["/apis/apps/v1", "/pocketmesh/v1/snapshots/x", "/openid/v1/jwks", "/nowhere", f"{PODS}/x/exec"]
    async with served.session(tls=served.tls(certified=False)) as session:
        for path in ("/healthz", "/livez", "/readyz", "/version"):
            async with session.get(path) as response:
                assert response.status == 200, path
        for path in paths:
            async with session.get(path) as response:
                assert (response.status, (await response.json())["reason"]) == (403, "Forbidden"), path
        async with session.get(CONFIGMAPS, headers={"Authorization": "Bearer nonsense"}) as response:
            assert (response.status, (await response.json())["reason"]) == (401, "Unauthorized")


@pytest.fixture
async def pod(session: aiohttp.ClientSession) -> AsyncIterator[str]:
    """The path of a pod that sleeps."""
    container = {
        "name": "c",
        "image": "docker.io/curlimages/curl:8.16.0",
        "command": ["/bin/sleep", "infinity"],
    }
    body = {"metadata": {"generateName": "asleep-"}, "spec": {"containers": [container]}}
    async with session.post(PODS, json=body) as response:
        path = f"{PODS}/{(await response.json())['metadata']['name']}"
    end = time.monotonic() + PATIENCE
    while True:
        async with session.get(path) as response:
            if (await response.json())["status"].get("phase") == "Running":
                break
        assert time.monotonic() < end
        await asyncio.sleep(0.01)
    yield path
    async with session.delete(path, params={"gracePeriodSeconds": "0"}) as response:
        assert response.status == 200


UPGRADES = {
    "spdy": "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n"
    "X-Stream-Protocol-Version: portforward.k8s.io\r\n",
    "websocket": "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {}\r\n",
}
GARBAGE = {
    "random": os.urandom(20_000),
    "zeros": b"\0" * 20_000,
    "ones": b"\xff" * 20_000,
    "half-a-frame": b"\x80\x03\x00\x01\x00",
    "huge-frame": b"\x80\x03\x00\x01\x00\xff\xff\xff" + b"a" * 10_000,
    "huge-message": b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" + b"a" * 10_000,
    "bad-headers": b"\x80\x03\x00\x01\x00\x00\x00\x20" + b"\0\0\0\1\0\0\0\0\0\0" + b"x" * 22,
    "unmasked": b"\x82\x05hello",
    "tiny-control": b"\x80\x03\x00\x03\x00\x00\x00\x01\x00",
}


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("upgrade", UPGRADES)
@pytest.mark.parametrize("verb", ["exec?command=cat&stdin=true&stdout=true", "portforward?ports=80"])
async def test_garbage_after_an_upgrade_ends_the_conversation(
    session: aiohttp.ClientSession, dial: Dial, pod: str, verb: str, upgrade: str, garbage: str
) -> None:
    tunnel = "SPDY/3.1+portforward.k8s.io" if verb.startswith("portforward") else "v5.channel.k8s.io"
    method = "GET" if upgrade == "websocket" else "POST"
    reader, writer = await dial()
    writer.write(
        f"{method} {pod}/{verb} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        f"{UPGRADES[upgrade].format(tunnel)}\r\n".encode()
    )
    assert (await head(reader)).startswith("HTTP/1.1 101 ")

    writer.write(GARBAGE[garbage])
    writer.transport.abort()

    assert await serves(session)


@pytest.mark.parametrize(
    "query",
    [
        "tailLines=abc",
        "sinceSeconds=abc",
        "sinceSeconds=99999999999999999",
        "sinceTime=abc",
        "container=nope",
    ],
)
async def test_a_log_that_makes_no_sense_is_refused(
    session: aiohttp.ClientSession, pod: str, query: str
) -> None:
    async with session.get(f"{pod}/log?{query}") as response:
        assert (response.status, (await response.json())["reason"]) == (400, "BadRequest")


async def test_a_thousand_watches_are_served_and_forgotten(
    session: aiohttp.ClientSession, served: Any
) -> None:
    assert await serves(session)
    files, sizes = served.open_files(), []
    for number in range(3):  # the first two fill the allocator's pools
        await _watched_by_a_thousand(served, session, f"seen-{number}")
        await until(lambda: served.open_files() <= files + 1)
        sizes.append(served.memory())

    assert sizes[2] - sizes[1] < 30 * MEGABYTE


async def _watched_by_a_thousand(served: Any, session: aiohttp.ClientSession, name: str) -> None:
    before = served.memory()
    async with session.get(CONFIGMAPS) as response:
        revision = (await response.json())["metadata"]["resourceVersion"]
    path = f"{CONFIGMAPS}?watch=true&resourceVersion={revision}&fieldSelector=metadata.name%3D{name}"
    async with served.session() as watchers:
        async with asyncio.timeout(60):
            watches = await asyncio.gather(*(watchers.get(path) for _ in range(WATCHES)))
            async with session.post(CONFIGMAPS, json={"metadata": {"name": name}}) as response:
                assert response.status == 201
            lines = await asyncio.gather(*(watch.content.readline() for watch in watches))
        grown = served.memory() - before
        for watch in watches:
            watch.close()
    assert {json.loads(line)["object"]["metadata"]["name"] for line in lines} == {name}
    assert grown < WATCHES * 400 * 1024  # asyncio's TLS takes 256 KiB for each connection


async def test_readers_that_never_read_cost_little(
    session: aiohttp.ClientSession, served: Any, dial: Dial
) -> None:
    """Twenty watchers that read nothing while 40 MB of changes pass by would hold 800 MB."""
    for _ in range(20):
        _, writer = await dial()
        writer.write(f"GET {CONFIGMAPS}?watch=true HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        transport: Any = writer.transport
        transport.pause_reading()
    before = served.memory()
    async with session.post(CONFIGMAPS, json={"metadata": {"name": "big"}}) as response:
        assert response.status == 201
    for number in range(80):
        change = {"data": {"a": str(number) + "x" * (MEGABYTE // 2)}}
        headers = {"Content-Type": "application/merge-patch+json"}
        async with session.patch(f"{CONFIGMAPS}/big", json=change, headers=headers) as response:
            assert response.status == 200

    assert served.memory() - before < 200 * MEGABYTE
    assert await serves(session)


async def test_handshakes_that_never_end_do_not_hold_up_the_others(
    session: aiohttp.ClientSession, served: Any
) -> None:
    opened = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(200)]

    assert await serves(session)
    for _, writer in opened:
        writer.close()
        await writer.wait_closed()


async def test_a_certificate_of_somebody_else_is_nobody(served: Any, tmp_path: Any) -> None:
    from pocketmesh.api.auth.certificates import open_credentials
    from pocketmesh.clock import WallClock

    stranger = open_credentials(tmp_path / "pki", WallClock())
    tls = served.tls(certified=False)
    tls.load_cert_chain(stranger.directory / "admin.crt", stranger.directory / "admin.key")
    async with served.session(tls=tls) as session:
        with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
            async with session.get("/version"):
                pass
