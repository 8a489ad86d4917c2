"""The server of HTTP/2 against a client made of h2, on a pair of sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, StreamEnded, StreamReset, TrailersReceived

from pocketmesh.node.commands.http2 import Http2
from pocketmesh.node.commands.web import Call, Reply

HEAD = [(":method", "POST"), (":path", "/p"), (":authority", "a"), (":scheme", "http")]
DEADLINE = 5.0


class Client:
    """Speaks to a server whose handler a test can hold back."""

    def __init__(self) -> None:
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.calls: list[Call] = []
        self.cancelled = asyncio.Event()
        self.go = asyncio.Event()
        self.reply = Reply(body=b"hello")

    async def open(self) -> None:
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: Http2(self.answer), far)
        self.reader, self.writer = await asyncio.open_connection(sock=near)
        self.h2.initiate_connection()
        self.send()

    async def answer(self, call: Call) -> Reply:
        self.calls.append(call)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return self.reply

    def ask(self, body: bytes = b"", extra: list[tuple[Any, Any]] | None = None) -> int:
        number = self.h2.get_next_available_stream_id()
        self.h2.send_headers(number, [*HEAD, *(extra or [])], end_stream=not body)
        if body:
            self.h2.send_data(number, body, end_stream=True)
        self.send()
        return number

    def send(self) -> None:
        self.writer.write(self.h2.data_to_send())

    async def until(self, kind: type[Event]) -> list[Any]:
        """All events up to the first of a kind; fewer when the server closes first."""
        events: list[Any] = []
        async with asyncio.timeout(DEADLINE):
            while not any(isinstance(event, kind) for event in events):
                data = await self.reader.read(65536)
                if not data:
                    break
                for event in self.h2.receive_data(data):
                    events.append(event)
                    if isinstance(event, DataReceived):
                        self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                self.send()
        return events


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client()
    await client.open()
    yield client
    client.writer.close()


def body(events: list[Any]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, DataReceived))


async def test_a_request_is_handed_over_whole(client: Client) -> None:
    client.go.set()

    client.ask(b"question", [("x-own", "1")])
    await client.until(StreamEnded)

    assert client.calls == [Call("POST", "/p", "a", (("x-own", "1"),), b"question", "HTTP/2.0")]


async def test_an_answer_larger_than_the_window_waits_for_the_client(client: Client) -> None:
    client.go.set()
    client.reply = Reply(body=b"x" * 300_000)

    client.ask()
    events = await client.until(StreamEnded)

    assert len(body(events)) == 300_000


async def test_trailers_come_after_the_body(client: Client) -> None:
    client.go.set()
    client.reply = Reply(body=b"hello", trailers=(("grpc-status", "0"),))

    client.ask()
    events = await client.until(StreamEnded)

    assert body(events) == b"hello"
    assert [event.headers for event in events if isinstance(event, TrailersReceived)] == [
        [("grpc-status", "0")]
    ]


async def test_requests_are_answered_beside_each_other(client: Client) -> None:
    numbers = {client.ask(), client.ask()}
    client.go.set()

    ended = {event.stream_id for event in await client.until(StreamEnded) if isinstance(event, StreamEnded)}
    if ended != numbers:
        ended |= {
            event.stream_id for event in await client.until(StreamEnded) if isinstance(event, StreamEnded)
        }

    assert ended == numbers


async def test_a_request_that_is_given_up_is_not_worked_on(client: Client) -> None:
    number = client.ask()
    async with asyncio.timeout(DEADLINE):
        while not client.calls:
            await asyncio.sleep(0)
        client.h2.reset_stream(number)
        client.send()
        await client.cancelled.wait()

    assert client.cancelled.is_set()


async def test_a_client_that_says_goodbye_still_gets_its_answer(client: Client) -> None:
    number = client.ask()
    async with asyncio.timeout(DEADLINE):
        while not client.calls:
            await asyncio.sleep(0)
    # GOAWAY, written by hand because h2 sends nothing after its own.
    client.writer.write(b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + bytes(8))
    client.go.set()

    events = await client.until(StreamEnded)

    assert [event.stream_id for event in events if isinstance(event, StreamEnded)] == [number]
    assert body(events) == b"hello"
    assert await client.reader.read() == b""


async def test_header_bytes_that_are_no_text_do_no_harm(client: Client) -> None:
    client.go.set()

    client.ask(extra=[(b"x-odd", b"\xff")])
    await client.until(StreamEnded)

    assert client.calls[0].headers == (("x-odd", "�"),)


async def test_a_body_without_end_is_refused(client: Client) -> None:
    number = client.h2.get_next_available_stream_id()
    client.h2.send_headers(number, HEAD)
    sent, events = 0, []
    while sent < 8 * 1024 * 1024 and not any(isinstance(event, StreamReset) for event in events):
        room = min(client.h2.local_flow_control_window(number), client.h2.max_outbound_frame_size)
        if room:
            client.h2.send_data(number, bytes(room))
            sent += room
            client.send()
        else:
            async with asyncio.timeout(DEADLINE):
                events += client.h2.receive_data(await client.reader.read(65536))
            client.send()

    assert any(isinstance(event, StreamReset) for event in events)


async def test_a_connection_that_breaks_the_protocol_is_closed(client: Client) -> None:
    client.writer.write(bytes(9))  # a frame of data that belongs to no stream

    async with asyncio.timeout(DEADLINE):
        while await client.reader.read(65536):
            continue

    assert client.reader.at_eof()
