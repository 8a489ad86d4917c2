"""An application's protocol with the bytes that pass it counted; nothing is copied or delayed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

Ended = Callable[[int, int], None]
"""Told once, at the end: the bytes from the client and the bytes to it."""


class Meter(asyncio.Protocol):
    """Stands in for the application's protocol, which is told that `peer` is its client."""

    def __init__(self, application: asyncio.Protocol, peer: tuple[str, int], ended: Ended) -> None:
        self.application = application
        self.peer = peer
        self.received = 0
        self.sent = 0
        self._ended = ended
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.application.connection_made(_MeteredTransport(transport, self))

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self.application.data_received(data)

    def eof_received(self) -> bool | None:
        return self.application.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.application.connection_lost(exc)
        self._ended(self.received, self.sent)

    def pause_writing(self) -> None:
        self.application.pause_writing()

    def resume_writing(self) -> None:
        self.application.resume_writing()

    def abort(self) -> None:
        """Breaks the connection off."""
        if self._transport is not None:
            self._transport.abort()


class _MeteredTransport(asyncio.Transport):
    """What the application writes to."""

    def __init__(self, transport: asyncio.Transport, meter: Meter) -> None:
        super().__init__()
        self._transport = transport
        self._meter = meter

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._meter.sent += len(data)
        self._transport.write(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        self._transport.write_eof()

    def can_write_eof(self) -> bool:
        return self._transport.can_write_eof()

    def abort(self) -> None:
        self._transport.abort()

    def close(self) -> None:
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def is_reading(self) -> bool:
        return self._transport.is_reading()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._meter.application = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._meter.application

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "peername":
            return self._meter.peer
        return self._transport.get_extra_info(name, default)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._transport.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._transport.get_write_buffer_limits()
