"""Carries bytes between a client and a port of a pod, whatever the client's wire is."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeAlias

from pocketmesh.api.streams.dialling import said

Dial: TypeAlias = Callable[[int], Awaitable[socket.socket]]

_CHUNK: Final = 32 * 1024


class Duplex(Protocol):
    """The client's end."""

    async def read(self) -> bytes:
        """Some bytes, as soon as there are any; empty at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Raises ConnectionError when the client is gone."""
        ...


async def relay(dial: Dial, port: int, client: Duplex) -> OSError | None:
    """Carries bytes until the pod has sent its last; what went wrong on the pod's side.

    Raises ConnectionError when the client is gone.
    """
    try:
        dialled = await dial(port)
    except OSError as problem:
        return problem
    reader, writer = await asyncio.open_connection(sock=dialled)
    upload = asyncio.ensure_future(_upload(client, writer))
    try:
        while True:
            try:
                chunk = await reader.read(_CHUNK)
            except ConnectionError as problem:
                return problem
            if not chunk:
                return None
            await client.write(chunk)
    finally:
        upload.cancel()
        writer.close()


def told(port: int, pod: str, problem: OSError) -> bytes:
    """What goes over the error stream; `pod` is its name and uid."""
    why = f"failed to connect to localhost:{port} inside the pod: {said(problem, f'127.0.0.1:{port}')}"
    return f"error forwarding port {port} to pod {pod}: {why}".encode()


async def _upload(client: Duplex, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await client.read():
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()
    except OSError:
        return  # the other direction sees it too, and tells
