"""One SPDY connection: streams that the client opens, each with two ends that close on their own.

Flow control: received bytes are credited with WINDOW_UPDATE as they are read. The client's windows are
not waited for, because moby/spdystream, which is in every client-go, never sends an update; the
transport's own back-pressure bounds what is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from pocketmesh.api.streams.pipe import Pipe
from pocketmesh.api.streams.spdy.frames import (
    CANCEL,
    INVALID_STREAM,
    PROTOCOL_ERROR,
    Data,
    Decoder,
    Encoder,
    Frame,
    GoAway,
    Headers,
    MoreHeaders,
    Ping,
    ProtocolViolated,
    Reset,
    SynReply,
    SynStream,
    WindowUpdate,
)

_CHUNK: Final = 32 * 1024


class Wire(Protocol):
    """What carries the frames: a socket, or the binary messages of a WebSocket."""

    async def receive(self) -> bytes:
        """Some bytes; empty at the end."""
        ...

    async def send(self, data: bytes) -> None:
        """Sends, in the order of the calls. Raises ConnectionError when the peer is gone."""
        ...


class Stream:
    """A stream that the client opened: reads what it sends, writes what it reads."""

    def __init__(self, number: int, headers: Headers, connection: Connection) -> None:
        self.number = number
        self.headers = headers
        self._connection = connection
        self._incoming = Pipe()
        self._closed = False
        self._ended = False

    async def read(self, limit: int = 65536, /) -> bytes:
        """Some bytes; empty when the client has closed its end."""
        data = await self._incoming.read(limit)
        if data:
            await self._connection.send(WindowUpdate(self.number, len(data)))
        return data

    async def write(self, data: bytes) -> None:
        """Raises ConnectionError when the client is gone or wants no more of this stream."""
        for at in range(0, len(data), _CHUNK):
            if self._closed:
                raise ConnectionResetError(f"stream {self.number} is closed")
            await self._connection.send(Data(self.number, data[at : at + _CHUNK]))

    async def close(self) -> None:
        """Closes this end; the client may go on sending."""
        if not self._closed:
            self._closed = True
            await self._connection.send(Data(self.number, b"", fin=True))
            self._forget_if_over()

    async def reset(self) -> None:
        """Gives the stream up in both directions."""
        if not self._closed:
            await self._connection.send(Reset(self.number, CANCEL))
        self.abandon()
        self._forget_if_over()

    async def receive(self, data: bytes, fin: bool) -> None:
        """Called by the connection for each DATA frame."""
        await self._incoming.put(data)
        if fin:
            self._ended = True
            self._incoming.end()
            self._forget_if_over()

    def abandon(self) -> None:
        """Called by the connection when the client reset the stream or went away."""
        self._closed = self._ended = True
        self._incoming.end()

    def _forget_if_over(self) -> None:
        if self._closed and self._ended:
            self._connection.forget(self.number)


class Connection:
    """Serves one connection; `accept` is called for each stream once the client knows it is open."""

    def __init__(self, wire: Wire, accept: Callable[[Stream], None]) -> None:
        self._wire = wire
        self._accept = accept
        self._encoder = Encoder()
        self._streams: dict[int, Stream] = {}
        self._last = 0

    async def run(self) -> None:
        """Reads until the client is gone or breaks the protocol; then all streams are at their end."""
        decoder = Decoder()
        try:
            while data := await self._wire.receive():
                for frame in decoder.feed(data):
                    await self._handle(frame)
        except ProtocolViolated:
            await self.send(GoAway(self._last, PROTOCOL_ERROR))
        finally:
            for stream in self._streams.values():
                stream.abandon()

    async def send(self, frame: Frame) -> None:
        """Sends a frame whole. Raises ConnectionError."""
        await self._wire.send(self._encoder.encode(frame))

    async def go_away(self) -> None:
        """Tells the client that no stream will be accepted any more."""
        await self.send(GoAway(self._last))

    def forget(self, number: int) -> None:
        """Lets go of a stream that is closed at both ends."""
        self._streams.pop(number, None)

    async def _handle(self, frame: Frame) -> None:
        match frame:
            case SynStream(number, headers, fin):
                if number in self._streams or number <= self._last:
                    await self.send(Reset(number, PROTOCOL_ERROR))
                    return
                stream = self._streams[number] = Stream(number, headers, self)
                self._last = number
                await self.send(SynReply(number, {}))
                await stream.receive(b"", fin)
                self._accept(stream)
            case Data(number, payload, fin):
                if found := self._streams.get(number):
                    await found.receive(payload, fin)
                else:
                    await self.send(Reset(number, INVALID_STREAM))
            case MoreHeaders(number, _, fin):
                if found := self._streams.get(number):
                    await found.receive(b"", fin)
            case Reset(number, _):
                if gone := self._streams.pop(number, None):
                    gone.abandon()
            case Ping(number) if number % 2:
                await self.send(frame)
            case _:
                return
