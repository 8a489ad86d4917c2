"""Remote command over WebSocket: one byte (or one digit, in the base64 variants) names the channel.

Source: k8s.io/apimachinery/pkg/util/remotecommand and k8s.io/apiserver/pkg/util/wsstream.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from aiohttp import WSMsgType, web

from pocketmesh.api.errors import bad_request
from pocketmesh.api.runtime import Streams
from pocketmesh.api.streams.pipe import Pipe
from pocketmesh.api.streams.remote_command import (
    ERROR,
    STDERR,
    STDIN,
    STDOUT,
    Program,
    Wanted,
    outcome,
    terminal_size,
    told,
    until_gone,
)
from pocketmesh.objects import Object

V5: Final = "v5.channel.k8s.io"
PROTOCOLS: Final = (
    V5,
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
    "channel.k8s.io",
    "base64.channel.k8s.io",
)
MAX_MESSAGE: Final = 16 * 1024 * 1024
_CLOSE: Final = 255


def offered(request: web.BaseRequest) -> list[str]:
    """The subprotocols that the client would speak, best first."""
    return [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if name]


class Channels:
    """Numbered channels over one WebSocket, in the encoding of its subprotocol."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._base64 = "base64" in (socket.ws_protocol or "")

    async def send(self, channel: int, data: bytes) -> None:
        """Raises ConnectionError when the client is gone."""
        if self._base64:
            await self._socket.send_str(f"{channel}{base64.b64encode(data).decode()}")
        else:
            await self._socket.send_bytes(bytes([channel]) + data)

    async def receive(self) -> tuple[int, bytes] | None:
        """The next message as (channel, data); None when the client is gone."""
        async for message in self._socket:
            if message.type == WSMsgType.BINARY and message.data:
                return message.data[0], message.data[1:]
            if message.type == WSMsgType.TEXT and message.data:
                return _from_text(message.data, self._base64)
        return None


def _from_text(text: str, encoded: bool) -> tuple[int, bytes]:
    if not encoded:
        return ord(text[0]), text[1:].encode()
    try:
        return int(text[0]), base64.b64decode(text[1:])
    except (ValueError, binascii.Error):
        return -1, b""


async def upgraded(request: web.BaseRequest, protocols: Sequence[str]) -> web.WebSocketResponse:
    """The WebSocket that a request asks for, in one of these subprotocols or in none.

    Raises ApiError 400 for other subprotocols.
    """
    asked = offered(request)
    if asked and not set(asked) & set(protocols):
        raise bad_request(f"unable to upgrade: unsupported protocols {asked}")
    socket = web.WebSocketResponse(
        protocols=protocols if asked else (), compress=False, max_msg_size=MAX_MESSAGE
    )
    await socket.prepare(request)
    return socket


async def serve(
    request: web.BaseRequest, program: Program, want: Wanted, argv: Sequence[str] = ()
) -> web.StreamResponse:
    """Upgrades the request and runs the program over it. Raises ApiError 400 for unknown subprotocols."""
    socket = await upgraded(request, PROTOCOLS)
    version = socket.ws_protocol or ""
    channels = Channels(socket)
    stdin = Pipe()
    streams = Streams(
        stdin=stdin if want.stdin else None,
        stdout=lambda data: channels.send(STDOUT, data),
        stderr=lambda data: channels.send(STDOUT if want.tty else STDERR, data),
        tty=want.tty,
    )

    async def work() -> None:
        first = STDOUT if want.stdout else STDERR if want.stderr else ERROR
        await channels.send(first, b"")  # tells the client that the session stands
        await _tell(channels, await outcome(program, streams, argv), version)

    await until_gone(work(), _listen(channels, stdin, streams, version))
    await socket.close()
    return socket


async def _tell(channels: Channels, status: Object, version: str) -> None:
    message = told(status, structured=version.startswith(("v4.", "v5.")))
    if message:
        await channels.send(ERROR, message)


async def _listen(channels: Channels, stdin: Pipe, streams: Streams, version: str) -> None:
    while received := await channels.receive():
        match received:
            case (0, data):
                await stdin.put(data)
            case (4, data):
                if size := terminal_size(data):
                    streams.resize.put_nowait(size)
            case (255, data) if version == V5 and data == bytes([STDIN]):
                stdin.end()
            case _:
                continue
