"""istiod's gRPC port as far as istioctl uses it: streams on which debug types are asked for.

Proxies get nothing here, because they live in the same process. A caller is not authenticated: who can
forward a port to istiod can read the cluster anyway.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, StreamReset, WindowUpdated
from h2.exceptions import ProtocolError

from pocketmesh.istio.istiod.syncz import requested_type

_PATH: Final = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
_UNIMPLEMENTED: Final = (("grpc-status", "12"), ("grpc-message", "this istiod answers debug types only"))
_LARGEST: Final = 1024 * 1024

Answer = Callable[[str], bytes]
"""Makes the DiscoveryResponse for a type URL."""


class Tls(asyncio.Protocol):
    """Speaks TLS, then lets another protocol speak inside."""

    def __init__(self, context: ssl.SSLContext, inside: Callable[[], asyncio.Protocol]) -> None:
        self._context = context
        self._inside = inside
        self._starting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        # What arrives before TLS has started would be lost.
        transport.pause_reading()
        self._starting = asyncio.create_task(self._start(transport))

    async def _start(self, transport: asyncio.Transport) -> None:
        inside = self._inside()
        try:
            inner = await asyncio.get_running_loop().start_tls(
                transport, inside, self._context, server_side=True
            )
        except OSError:
            transport.abort()
            return
        if inner is not None:
            inside.connection_made(inner)


class DebugStreams(asyncio.Protocol):
    """One gRPC connection: every message on a stream is a request, answered on that stream."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._requests: dict[int, bytearray] = {}
        self._answers: dict[int, bytearray] = {}
        self._answered: set[tuple[int, str]] = set()
        self._transport: asyncio.Transport | None = None
        self._broken = False
        self._connection.initiate_connection()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Inside TLS the first bytes may come before the transport does."""
        if self._broken:
            return
        try:
            for event in self._connection.receive_data(data):
                self._take(event)
        except (ProtocolError, ValueError):
            self._broken = True
        self._flush()

    def _flush(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(self._connection.data_to_send())
        if self._broken:
            transport.close()

    def _take(self, event: Event) -> None:
        connection = self._connection
        match event:
            case RequestReceived(stream_id=int(stream), headers=headers):
                known = (":path", _PATH) in (headers or ())
                head = [(":status", "200"), ("content-type", "application/grpc")]
                if known:
                    self._requests[stream], self._answers[stream] = bytearray(), bytearray()
                    connection.send_headers(stream, head)
                else:
                    connection.send_headers(stream, [*head, *_UNIMPLEMENTED], end_stream=True)
            case DataReceived(stream_id=int(stream), data=data, flow_controlled_length=length):
                connection.acknowledge_received_data(length or 0, stream)
                if stream in self._requests:
                    self._requests[stream] += data or b""
                    self._read(stream)
            case StreamEnded(stream_id=int(stream)) if stream in self._requests:
                self._send(stream)
                del self._requests[stream], self._answers[stream]
                connection.send_headers(stream, [("grpc-status", "0")], end_stream=True)
            case StreamReset(stream_id=int(stream)):
                self._requests.pop(stream, None)
                self._answers.pop(stream, None)
            case WindowUpdated():
                for stream in self._answers:
                    self._send(stream)

    def _read(self, stream: int) -> None:
        """Takes whole messages: a flag, four bytes of length, and as many of content."""
        request = self._requests[stream]
        while len(request) >= 5:
            end = 5 + int.from_bytes(request[1:5])
            if end > _LARGEST:
                raise ValueError("a message that is too large")
            if len(request) < end:
                return
            asked = stream, requested_type(bytes(request[5:end]))
            del request[:end]
            # The next request of a type acknowledges its answer.
            if asked not in self._answered:
                self._answered.add(asked)
                message = self._answer(asked[1])
                self._answers[stream] += b"\0" + len(message).to_bytes(4) + message
        self._send(stream)

    def _send(self, stream: int) -> None:
        """Sends as much as the other side has room for."""
        connection, waiting = self._connection, self._answers[stream]
        while waiting:
            room = min(connection.local_flow_control_window(stream), connection.max_outbound_frame_size)
            if room <= 0:
                return
            connection.send_data(stream, bytes(waiting[:room]))
            del waiting[:room]
