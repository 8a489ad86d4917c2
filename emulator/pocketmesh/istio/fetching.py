"""Fetching over HTTP from inside the cluster's network, as a program in a container would."""

from __future__ import annotations

import asyncio
import io
import ssl
from http.client import HTTPException, HTTPResponse
from typing import Final
from urllib.parse import SplitResult, urlsplit

from pocketmesh.node.commands.names import addresses
from pocketmesh.node.network import NameNotFound
from pocketmesh.node.process import BUNDLE, Container

_PATIENCE: Final = 5.0
_HEAD: Final = 65536
"""What a response may have beside its body."""


class FetchFailed(Exception):
    """What is wanted is not to be had; the message says why."""


async def fetch(container: Container, uri: str, limit: int) -> bytes:
    """The body of the answer to a GET, of at most `limit` bytes. A server must have a certificate of a public
    authority. Raises FetchFailed."""
    url = urlsplit(uri)
    try:
        async with asyncio.timeout(_PATIENCE):
            answered = await _exchange(container, url, limit + _HEAD)
        response = HTTPResponse(_Answered(answered))  # type: ignore[arg-type]
        response.begin()
        body = response.read()
    except NameNotFound:
        raise FetchFailed(f"lookup {url.hostname}: no such host") from None
    except (OSError, ValueError, HTTPException, TimeoutError) as error:
        raise FetchFailed(str(error) or "context deadline exceeded") from None
    if not 200 <= response.status < 300:
        raise FetchFailed(f"status {response.status}")
    if len(body) > limit:
        raise FetchFailed(f"the answer has more than {limit} bytes")
    return body


async def _exchange(container: Container, url: SplitResult, limit: int) -> bytes:
    host, over_tls = url.hostname or "", url.scheme == "https"
    ip = addresses(container, host)[0]
    sock = await container.network.dial(container.ip, ip, url.port or (443 if over_tls else 80))
    reader, writer = await asyncio.open_connection(
        sock=sock,
        ssl=_trusting(container) if over_tls else None,
        server_hostname=host if over_tls else None,
    )
    try:
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        request = f"GET {target} HTTP/1.1\r\nhost: {url.netloc}\r\nconnection: close\r\n\r\n"
        writer.write(request.encode())
        answered = bytearray()
        while data := await reader.read(_HEAD):
            answered += data
            if len(answered) > limit:
                raise FetchFailed(f"the answer has more than {limit - _HEAD} bytes")
        return bytes(answered)
    finally:
        writer.close()


def _trusting(container: Container) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=container.files.read(BUNDLE).decode())
    return context


class _Answered:
    """What the parser of the standard library takes for a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)
