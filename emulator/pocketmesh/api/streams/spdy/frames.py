"""SPDY/3.1 frames as values, and their bytes. Pure but for the header compression's running state.

Source: SPDY protocol draft 3.1, sections 2.2 and 2.6. SETTINGS, CREDENTIAL and whatever else a peer may
send is read over: nothing here depends on it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from pocketmesh.api.streams.spdy.dictionary import DICTIONARY

MAX_FRAME: Final = 1024 * 1024

_CONTROL: Final = 0x8000
_VERSION: Final = 3
_FIN: Final = 1
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _GOAWAY, _HEADERS, _WINDOW_UPDATE = 1, 2, 3, 6, 7, 8, 9

PROTOCOL_ERROR: Final = 1
INVALID_STREAM: Final = 2
CANCEL: Final = 5

Headers: TypeAlias = dict[str, str]


class ProtocolViolated(Exception):
    """The peer's bytes are not SPDY/3."""


@dataclass(frozen=True, slots=True)
class SynStream:
    stream: int
    headers: Headers
    fin: bool = False


@dataclass(frozen=True, slots=True)
class SynReply:
    stream: int
    headers: Headers
    fin: bool = False


@dataclass(frozen=True, slots=True)
class MoreHeaders:
    stream: int
    headers: Headers
    fin: bool = False


@dataclass(frozen=True, slots=True)
class Data:
    stream: int
    payload: bytes
    fin: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    stream: int
    status: int


@dataclass(frozen=True, slots=True)
class Ping:
    id: int


@dataclass(frozen=True, slots=True)
class GoAway:
    last_stream: int
    status: int = 0


@dataclass(frozen=True, slots=True)
class WindowUpdate:
    stream: int
    delta: int


Frame: TypeAlias = SynStream | SynReply | MoreHeaders | Data | Reset | Ping | GoAway | WindowUpdate


class Encoder:
    """One direction's frames to bytes; to be used in the order in which the bytes are sent."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(zdict=DICTIONARY)

    def encode(self, frame: Frame) -> bytes:
        match frame:
            case Data(stream, payload, fin):
                return _words(stream) + _flagged(fin, payload)
            case SynStream(stream, headers, fin):
                return _control(_SYN_STREAM, _words(stream, 0) + b"\0\0" + self._block(headers), fin)
            case SynReply(stream, headers, fin):
                return _control(_SYN_REPLY, _words(stream) + self._block(headers), fin)
            case MoreHeaders(stream, headers, fin):
                return _control(_HEADERS, _words(stream) + self._block(headers), fin)
            case Reset(stream, status):
                return _control(_RST_STREAM, _words(stream, status))
            case Ping(number):
                return _control(_PING, _words(number))
            case GoAway(last_stream, status):
                return _control(_GOAWAY, _words(last_stream, status))
            case WindowUpdate(stream, delta):
                return _control(_WINDOW_UPDATE, _words(stream, delta))

    def _block(self, headers: Headers) -> bytes:
        plain = _words(len(headers))
        for name, value in headers.items():
            for text in (name.lower().encode(), value.encode()):
                plain += _words(len(text)) + text
        return self._compressor.compress(plain) + self._compressor.flush(zlib.Z_SYNC_FLUSH)


class Decoder:
    """One direction's bytes to frames, however the bytes are cut."""

    def __init__(self) -> None:
        self._decompressor = zlib.decompressobj(zdict=DICTIONARY)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete now. Raises ProtocolViolated."""
        self._buffer += data
        while len(self._buffer) >= 8:
            length = int.from_bytes(self._buffer[5:8], "big")
            if length > MAX_FRAME:
                raise ProtocolViolated(f"a frame of {length} bytes")
            if len(self._buffer) < 8 + length:
                return
            head, payload = bytes(self._buffer[:8]), bytes(self._buffer[8 : 8 + length])
            del self._buffer[: 8 + length]
            frame = self._decode(head, payload)
            if frame is not None:
                yield frame

    def _decode(self, head: bytes, payload: bytes) -> Frame | None:
        first, kind, fin = int.from_bytes(head[:2], "big"), int.from_bytes(head[2:4], "big"), head[4] & _FIN
        if not first & _CONTROL:
            return Data(int.from_bytes(head[:4], "big"), payload, bool(fin))
        if first & ~_CONTROL != _VERSION:
            raise ProtocolViolated(f"version {first & ~_CONTROL}")
        if len(payload) < 4:
            raise ProtocolViolated(f"a frame of type {kind} with {len(payload)} bytes")
        number, second = _word(payload, 0), _word(payload, 4)
        match kind:
            case 1:  # SYN_STREAM: stream, associated stream, priority and slot, headers
                return SynStream(number, self._headers(payload[10:]), bool(fin))
            case 2:
                return SynReply(number, self._headers(payload[4:]), bool(fin))
            case 3:
                return Reset(number, second)
            case 6:
                return Ping(_word(payload, 0, mask=0xFFFFFFFF))
            case 7:
                return GoAway(number, second)
            case 8:
                return MoreHeaders(number, self._headers(payload[4:]), bool(fin))
            case 9:
                return WindowUpdate(number, second)
            case _:
                return None

    def _headers(self, block: bytes) -> Headers:
        try:
            plain = self._decompressor.decompress(block, MAX_FRAME)
        except zlib.error as error:
            raise ProtocolViolated(f"header block: {error}") from error
        headers: Headers = {}
        at = 4
        for _ in range(_word(plain, 0)):
            name, at = _text(plain, at)
            value, at = _text(plain, at)
            headers[name.lower()] = value
        return headers


def _control(kind: int, payload: bytes, fin: bool = False) -> bytes:
    return (_CONTROL | _VERSION).to_bytes(2, "big") + kind.to_bytes(2, "big") + _flagged(fin, payload)


def _flagged(fin: bool, payload: bytes) -> bytes:
    return bytes([_FIN if fin else 0]) + len(payload).to_bytes(3, "big") + payload


def _words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def _word(data: bytes, at: int, mask: int = 0x7FFFFFFF) -> int:
    return int.from_bytes(data[at : at + 4], "big") & mask


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = at + 4 + _word(data, at)
    if end > len(data):
        raise ProtocolViolated("a header block that ends too early")
    return data[at + 4 : end].decode("utf-8", "replace"), end
