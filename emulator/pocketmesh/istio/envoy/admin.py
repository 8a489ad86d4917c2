"""Questions to Envoy's admin interface, which listens on a unix socket."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import orjson

_LONGEST_ANSWER: Final = 5.0


class AdminSilent(OSError):
    """Envoy's admin interface does not answer."""


class Admin:
    """One Envoy's admin interface."""

    def __init__(self, socket: Path) -> None:
        self._socket = str(socket)

    async def is_live(self) -> bool:
        """Whether Envoy has started and read its first configuration."""
        try:
            return (await self.get("/ready")).strip() == b"LIVE"
        except AdminSilent:
            return False

    async def stats(self, pattern: str) -> dict[str, str]:
        """The statistics whose names match a regular expression, as text."""
        answer = await self.get(f"/stats?format=json&filter={pattern}")
        stats = orjson.loads(answer)["stats"]
        return {entry["name"]: str(entry["value"]) for entry in stats if "name" in entry}

    async def get(self, path: str) -> bytes:
        """The body of an answer. Raises AdminSilent."""
        try:
            async with asyncio.timeout(_LONGEST_ANSWER):
                return await self._exchange(path)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise AdminSilent(str(error)) from error

    async def _exchange(self, path: str) -> bytes:
        return await exchange(*await asyncio.open_unix_connection(self._socket), "GET", path)


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, path: str
) -> bytes:
    """The body of the answer to one request on a new connection, which is closed.

    Raises OSError or asyncio.IncompleteReadError.
    """
    try:
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: envoy\r\nConnection: close\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.read()
    finally:
        writer.close()
    return _dechunked(body) if b"transfer-encoding: chunked" in head.lower() else body


def _dechunked(body: bytes) -> bytes:
    pieces: list[bytes] = []
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        pieces.append(body[:length])
        body = body[length + 2 :]
    return b"".join(pieces)
