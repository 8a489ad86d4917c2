"""Port-forward over WebSocket channels, as the Python client speaks it: one connection to each port.

Port number i of the request has channel 2i for data and channel 2i + 1 for an error's text; the first
message of each is the port in two bytes, the low one first.
Source: k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from pocketmesh.api.streams.channels import Channels, upgraded
from pocketmesh.api.streams.pipe import Pipe
from pocketmesh.api.streams.relay import Dial, relay, told
from pocketmesh.api.streams.remote_command import until_gone

PROTOCOLS: Final = ("v4.channel.k8s.io", "v4.base64.channel.k8s.io")


class _Port:
    """The two channels of one port, as the client's end of a relay."""

    def __init__(self, channels: Channels, first: int, port: int) -> None:
        self._channels = channels
        self._first = first
        self._port = port
        self.incoming = Pipe()

    async def read(self) -> bytes:
        return await self.incoming.read()

    async def write(self, data: bytes) -> None:
        await self._channels.send(self._first, data)

    async def run(self, dial: Dial, pod: str) -> None:
        """Raises ConnectionError when the client is gone."""
        for channel in (self._first, self._first + 1):
            await self._channels.send(channel, self._port.to_bytes(2, "little"))
        problem = await relay(dial, self._port, self)
        self.incoming.end()
        if problem is not None:
            await self._channels.send(self._first + 1, told(self._port, pod, problem))


async def serve(request: web.BaseRequest, dial: Dial, pod: str, ports: Sequence[int]) -> web.StreamResponse:
    """Upgrades the request and serves until every connection has ended, or the client goes.

    Raises ApiError 400 for unknown subprotocols.
    """
    socket = await upgraded(request, PROTOCOLS)
    channels = Channels(socket)
    forwarded = [_Port(channels, 2 * index, port) for index, port in enumerate(ports)]

    async def work() -> None:
        await asyncio.gather(*(port.run(dial, pod) for port in forwarded))

    await until_gone(work(), _listen(channels, forwarded))
    await socket.close()
    return socket


async def _listen(channels: Channels, forwarded: Sequence[_Port]) -> None:
    while received := await channels.receive():
        channel, data = received
        if channel % 2 == 0 and channel // 2 < len(forwarded):
            await forwarded[channel // 2].incoming.put(data)
