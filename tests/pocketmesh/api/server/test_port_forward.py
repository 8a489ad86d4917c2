from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from pocketmesh.api.streams.spdy.frames import Data, Decoder, Encoder, Frame, Reset, SynStream

PATH = "/api/v1/namespaces/default/pods/web/portforward"


def connection(port: int, request: int, first: int) -> list[Frame]:
    headers = {"port": str(port), "requestID": str(request)}
    return [
        SynStream(first, {**headers, "streamType": "error"}),
        Data(first, b"", fin=True),
        SynStream(first + 2, {**headers, "streamType": "data"}),
    ]


async def test_bytes_go_to_the_pod_and_back(pod: str, spdy: Any) -> None:
    client = await spdy(PATH, "portforward.k8s.io")
    client.send(*connection(80, 0, 1), Data(3, b"hello"), Data(3, b"", fin=True))

    got = await client.until_closed(1, 3)

    assert got == {1: b"", 3: b"hello"}


async def test_two_connections_do_not_mix(pod: str, spdy: Any) -> None:
    client = await spdy(PATH, "portforward.k8s.io")
    client.send(*connection(80, 0, 1), *connection(80, 1, 5))
    client.send(Data(3, b"one", fin=True), Data(7, b"two", fin=True))

    got = await client.until_closed(3, 7)

    assert (got[3], got[7]) == (b"one", b"two")


async def test_a_closed_port_is_told_on_the_error_stream(api: Any, pod: str, spdy: Any) -> None:
    client = await spdy(PATH, "portforward.k8s.io")
    client.send(*connection(81, 0, 1))

    got = await client.until_closed(1, 3)

    assert got[1].startswith(b"error forwarding port 81 to pod web, uid ")
    assert got[1].endswith(b"dial tcp 127.0.0.1:81: connect: connection refused")


async def test_the_same_frames_travel_in_a_websocket(api: Any, pod: str) -> None:
    encoder, decoder = Encoder(), Decoder()
    received = b""
    async with api.session.ws_connect(api.url(PATH), protocols=["SPDY/3.1+portforward.k8s.io"]) as ws:
        for frame in [*connection(80, 0, 1), Data(3, b"hello", fin=True)]:
            await ws.send_bytes(encoder.encode(frame))
        async for message in ws:
            assert message.type == aiohttp.WSMsgType.BINARY
            frames = list(decoder.feed(message.data))
            received += b"".join(frame.payload for frame in frames if isinstance(frame, Data))
            if any(isinstance(frame, Data) and frame.stream == 3 and frame.fin for frame in frames):
                break

    assert received == b"hello"


async def test_channels_carry_a_port_each_and_begin_with_its_number(api: Any, pod: str) -> None:
    query, messages = "?ports=80,81", []
    async with api.session.ws_connect(api.url(PATH + query), protocols=["v4.channel.k8s.io"]) as ws:
        await ws.send_bytes(b"\x00hello")
        while b"hello" not in b"".join(messages):
            messages.append(await ws.receive_bytes())

    of_each = {channel: b"".join(m[1:] for m in messages if m[0] == channel) for channel in range(4)}
    assert (of_each[0], of_each[1]) == (b"P\x00hello", b"P\x00")
    assert of_each[2] == b"Q\x00"
    assert of_each[3].startswith(b"Q\x00error forwarding port 81 to pod web, uid ")


@pytest.mark.parametrize("query", ["", "?ports=", "?ports=0", "?ports=80,http", "?ports=65536"])
async def test_channels_need_ports(api: Any, pod: str, query: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await api.session.ws_connect(api.url(PATH + query), protocols=["v4.channel.k8s.io"])

    assert refused.value.status == 400


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_plain_request_is_told_to_upgrade(api: Any, pod: str, method: str) -> None:
    async with api.session.request(method, api.url(PATH)) as response:
        assert (response.status, (await response.json())["message"]) == (400, "Upgrade request required")


async def test_a_connection_that_the_client_gives_up_ends(api: Any, pod: str, spdy: Any) -> None:
    client = await spdy(PATH, "portforward.k8s.io")
    client.send(*connection(80, 0, 1), Data(3, b"hello"))
    while not isinstance(await client.receive(), Data):
        pass
    client.send(Reset(3, 5))

    async with asyncio.timeout(5):
        await api.runtime.hung_up.wait()
