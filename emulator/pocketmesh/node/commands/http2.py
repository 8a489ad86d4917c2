"""Serving HTTP/2 from a container: h2's state machine behind an asyncio protocol.

What a program answers is the same as over HTTP/1.1, plus trailers, which gRPC needs. It offers no push,
no priorities and no upgrade from HTTP/1.1.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError, StreamClosedError

from pocketmesh.node.commands.web import Call, Fields, HttpHandler, Reply

_LARGEST_BODY: Final = 4 * 1024 * 1024


@dataclass(slots=True)
class _Stream:
    headers: Fields
    body: bytearray = field(default_factory=bytearray)
    answering: asyncio.Task[None] | None = None


class Http2(asyncio.Protocol):
    """One connection: each request is answered by the handler as soon as all of it is there."""

    def __init__(self, handler: HttpHandler, alpn: str = "") -> None:
        self._handler = handler
        self._alpn = alpn
        self._client = ""
        self._connection = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._streams: dict[int, _Stream] = {}
        self._writable = asyncio.Event()
        self._ending = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._client = str((transport.get_extra_info("peername") or ("",))[0])
        self._connection.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        try:
            events = self._connection.receive_data(data)
        except ProtocolError:
            self._flush()
            self._close()
            return
        for event in events:
            self._take(event)
        self._writable.set()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        for stream in self._streams.values():
            if stream.answering is not None:
                stream.answering.cancel()

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=int(number), headers=headers):
                self._streams[number] = _Stream(
                    tuple((_text(name), _text(value)) for name, value in headers or ())
                )
            case DataReceived(stream_id=int(number), data=data, flow_controlled_length=length):
                self._connection.acknowledge_received_data(length or 0, number)
                stream = self._streams.get(number)
                if stream is not None:
                    stream.body += data or b""
                    if len(stream.body) > _LARGEST_BODY:
                        del self._streams[number]
                        self._connection.reset_stream(number, ErrorCodes.ENHANCE_YOUR_CALM)
            case StreamEnded(stream_id=int(number)) if number in self._streams:
                stream = self._streams[number]
                stream.answering = asyncio.create_task(self._answer(number, stream))
            case StreamReset(stream_id=int(number)):
                stream = self._streams.pop(number, None)
                if stream is not None and stream.answering is not None:
                    stream.answering.cancel()
            case ConnectionTerminated():
                self._ending = True
                if not self._streams:
                    self._close()

    async def _answer(self, number: int, stream: _Stream) -> None:
        pseudo = {name: value for name, value in stream.headers if name.startswith(":")}
        call = Call(
            method=pseudo.get(":method", ""),
            target=pseudo.get(":path", ""),
            authority=pseudo.get(":authority", ""),
            headers=tuple(item for item in stream.headers if not item[0].startswith(":")),
            body=bytes(stream.body),
            protocol="HTTP/2.0",
            alpn=self._alpn,
            client=self._client,
        )
        reply = await self._handler(call)
        with suppress(StreamClosedError):
            await self._send(number, reply)
        self._streams.pop(number, None)
        if self._ending and not self._streams:
            self._close()

    async def _send(self, number: int, reply: Reply) -> None:
        """Raises StreamClosedError when the client gave the request up."""
        head = ((":status", str(reply.status)), *reply.headers)
        self._connection.send_headers(number, head, end_stream=not reply.body and not reply.trailers)
        rest = reply.body
        while rest:
            room = min(
                self._connection.local_flow_control_window(number), self._connection.max_outbound_frame_size
            )
            if not room:
                self._flush()
                self._writable.clear()
                await self._writable.wait()
                continue
            piece, rest = rest[:room], rest[room:]
            self._connection.send_data(number, piece, end_stream=not rest and not reply.trailers)
        if reply.trailers:
            self._connection.send_headers(number, reply.trailers, end_stream=True)
        self._flush()

    def _flush(self) -> None:
        data = self._connection.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _text(raw: str | bytes) -> str:
    return raw if isinstance(raw, str) else raw.decode(errors="replace")
