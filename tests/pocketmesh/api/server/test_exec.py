from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import aiohttp
import pytest

from pocketmesh.api.streams.spdy.frames import Data, Ping, SynStream

PATH = "/api/v1/namespaces/default/pods/web/exec?container=app"
V4, V5 = "v4.channel.k8s.io", "v5.channel.k8s.io"


def command(*argv: str, streams: str = "stdout=true&stderr=true") -> str:
    return "&".join([PATH, streams, *(f"command={word}" for word in argv)])


async def conversation(api: Any, path: str, protocol: str, *sent: bytes) -> dict[int, bytes]:
    got: dict[int, bytes] = {}
    async with api.session.ws_connect(api.url(path), protocols=[protocol]) as ws:
        assert ws.protocol == protocol
        for message in sent:
            await ws.send_bytes(message)
        async for message in ws:
            channel, data = message.data[0], message.data[1:]
            got[channel] = got.get(channel, b"") + data
    return got


async def test_output_and_success_come_over_the_websocket(api: Any, pod: str) -> None:
    got = await conversation(api, command("say", "hi"), V5)

    assert got[1] == b"default/web/app: say hi\n"
    assert json.loads(got[3]) == {"metadata": {}, "status": "Success"}


async def test_the_exit_code_is_a_cause_of_the_failure(api: Any, pod: str) -> None:
    got = await conversation(api, command("exit", "3"), V4)

    status = json.loads(got[3])
    assert got[2] == b"no\n"
    assert status["reason"] == "NonZeroExitCode"
    assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]


async def test_stdin_ends_with_the_close_signal_of_v5(api: Any, pod: str) -> None:
    got = await conversation(
        api, command("cat", streams="stdin=true&stdout=true"), V5, b"\0hello ", b"\0world", b"\xff\0"
    )

    assert got[1] == b"hello world"


async def test_a_terminal_learns_its_size(api: Any, pod: str) -> None:
    path = command("size", streams="stdin=true&stdout=true&tty=true")

    got = await conversation(api, path, V5, b'\4{"Width":80,"Height":24}')

    assert got[1] == b"80x24\n"


async def test_base64_channels_are_text(api: Any, pod: str) -> None:
    protocol = "base64.channel.k8s.io"
    async with api.session.ws_connect(api.url(command("say", "hi")), protocols=[protocol]) as ws:
        texts = [message.data async for message in ws]

    assert base64.b64decode("".join(text[1:] for text in texts if text[0] == "1")).endswith(b"say hi\n")


async def test_a_refusal_of_the_node_comes_as_status(api: Any, pod: str) -> None:
    got = await conversation(api, command("refuse"), V5)

    assert json.loads(got[3])["message"] == "the container is not running"


async def test_a_program_stops_when_its_client_goes(api: Any, pod: str) -> None:
    async with api.session.ws_connect(api.url(command("sleep")), protocols=[V5]) as ws:
        await ws.receive()
        await ws.receive()

    async with asyncio.timeout(5):
        await api.runtime.stopped.wait()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        pytest.param(
            PATH.replace("=app", "=nope") + "&stdout=true&command=x",
            "container nope is not valid for pod web",
            id="unknown container",
        ),
        pytest.param(
            PATH.replace("=app", "=") + "&stdout=true&command=x",
            "a container name must be specified for pod web, choose one of: [app side]",
            id="no container named",
        ),
        pytest.param(
            PATH + "&command=x", "you must specify at least 1 of stdin, stdout, stderr", id="no stream"
        ),
        pytest.param(PATH + "&stdout=true", "you must specify a command for the container", id="no command"),
        pytest.param(command("x"), "Upgrade request required", id="no upgrade"),
    ],
)
async def test_what_cannot_be_run_is_refused_before_the_upgrade(
    api: Any, pod: str, path: str, message: str
) -> None:
    async with api.session.post(api.url(path)) as response:
        assert (response.status, (await response.json())["message"]) == (400, message)


def opening(*kinds: str) -> list[SynStream]:
    return [SynStream(2 * at + 1, {"streamType": kind}) for at, kind in enumerate(kinds)]


async def test_output_and_exit_code_come_over_spdy(api: Any, pod: str, spdy: Any) -> None:
    client = await spdy(command("exit", "3"), f"{V5}, {V4}")
    client.send(*opening("error", "stdout", "stderr"))

    got = await client.until_closed(1, 3, 5)

    assert "101" in client.head
    assert f"X-Stream-Protocol-Version: {V5}" in client.head
    assert got[5] == b"no\n"
    assert json.loads(got[1])["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]


async def test_stdin_ends_with_a_half_closed_spdy_stream(api: Any, pod: str, spdy: Any) -> None:
    client = await spdy(command("cat", streams="stdin=true&stdout=true"), V4)
    client.send(*opening("error", "stdin", "stdout"), Data(3, b"hello"), Data(3, b"", fin=True))

    got = await client.until_closed(1, 5)

    assert got[5] == b"hello"


async def test_a_client_that_never_credits_its_window_gets_everything(api: Any, pod: str, spdy: Any) -> None:
    client = await spdy(command("yes", "1000000", streams="stdout=true"), V4)
    client.send(*opening("error", "stdout"))

    got = await client.until_closed(1, 3)

    assert len(got[3]) == 1_000_000


async def test_a_ping_is_answered(api: Any, pod: str, spdy: Any) -> None:
    client = await spdy(command("sleep"), V4)
    client.send(Ping(9))

    assert await client.receive() == Ping(9)


async def test_a_program_stops_when_its_spdy_client_goes(api: Any, pod: str, spdy: Any) -> None:
    client = await spdy(command("sleep", streams="stdout=true"), V4)
    client.send(*opening("error", "stdout"))
    while not isinstance(await client.receive(), Data):
        pass
    client.close()

    async with asyncio.timeout(5):
        await api.runtime.stopped.wait()


async def test_unknown_stream_protocols_are_refused(api: Any, pod: str, spdy: Any) -> None:
    client = await spdy(command("x"), "v9.channel.k8s.io")

    assert "403 Forbidden" in client.head


async def test_unknown_websocket_protocols_are_refused(api: Any, pod: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await api.session.ws_connect(api.url(command("x")), protocols=["v9.channel.k8s.io"])

    assert refusal.value.status == 400
