"""Port-forward: each connection is a pair of SPDY streams, one for data and one for an error's text.

The frames come raw over an upgraded connection, or inside the binary messages of a WebSocket.
Source: k8s.io/kubelet/pkg/cri/streaming/portforward/httpstream.go and KEP-4006.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from aiohttp import WSMsgType, web

from pocketmesh.api.streams.channels import MAX_MESSAGE
from pocketmesh.api.streams.relay import Dial, relay, told
from pocketmesh.api.streams.remote_command_spdy import VERSION_HEADER, negotiated
from pocketmesh.api.streams.spdy import Connection, Stream
from pocketmesh.api.streams.takeover import take_over

PROTOCOL: Final = "portforward.k8s.io"
TUNNEL: Final = f"SPDY/3.1+{PROTOCOL}"


class Forwarder:
    """Pairs the streams of one client and joins each pair with a connection to the pod."""

    def __init__(self, dial: Dial, pod: str) -> None:
        self._dial = dial
        self._pod = pod
        self._waiting: dict[str, dict[str, Stream]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def accept(self, stream: Stream) -> None:
        """Takes a new stream; a pair that is complete starts to flow."""
        request = stream.headers.get("requestid") or stream.headers.get("port", "")
        pair = self._waiting.setdefault(request, {})
        pair[stream.headers.get("streamtype", "")] = stream
        if {"data", "error"} <= pair.keys():
            del self._waiting[request]
            task = asyncio.ensure_future(self._join(pair["data"], pair["error"]))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Ends every connection."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _join(self, data: Stream, error: Stream) -> None:
        with suppress(ConnectionError):  # of the client's: nobody is left to be told
            try:
                port = int(data.headers.get("port", ""))
            except ValueError as problem:
                await error.write(str(problem).encode())
            else:
                refused = await relay(self._dial, port, data)
                if refused is not None:
                    await error.write(told(port, self._pod, refused))
            await data.close()
            await error.close()


class Tunnel:
    """A WebSocket as a Wire."""

    def __init__(self, websocket: web.WebSocketResponse) -> None:
        self._websocket = websocket

    async def receive(self) -> bytes:
        async for message in self._websocket:
            if message.type == WSMsgType.BINARY and message.data:
                return bytes(message.data)
        return b""

    async def send(self, data: bytes) -> None:
        await self._websocket.send_bytes(data)


async def over_spdy(request: web.BaseRequest, dial: Dial, pod: str) -> web.StreamResponse:
    """Serves until the client goes. Raises ApiError 403 for an unknown protocol."""
    protocol = negotiated(request, (PROTOCOL,))
    response, wire = await take_over(request, "SPDY/3.1", {VERSION_HEADER: protocol})
    forwarder = Forwarder(dial, pod)
    try:
        await Connection(wire, forwarder.accept).run()
    finally:
        await forwarder.close()
        wire.close()
    return response


async def over_websocket(request: web.BaseRequest, dial: Dial, pod: str) -> web.StreamResponse:
    """The same frames in binary messages of the subprotocol `SPDY/3.1+portforward.k8s.io`."""
    websocket = web.WebSocketResponse(protocols=(TUNNEL,), compress=False, max_msg_size=MAX_MESSAGE)
    await websocket.prepare(request)
    forwarder = Forwarder(dial, pod)
    try:
        await Connection(Tunnel(websocket), forwarder.accept).run()
    finally:
        await forwarder.close()
    return websocket
