"""Fetching a key set over HTTP from inside the cluster's network."""

from __future__ import annotations

import asyncio
import io
import ssl
from http.client import HTTPException, HTTPResponse
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import orjson

from pocketmesh.istio.mesh.authorization import DISCOVERY
from pocketmesh.node.commands.names import addresses
from pocketmesh.node.network import NameNotFound
from pocketmesh.node.process import BUNDLE, Container

_PATIENCE: Final = 5.0


class FetchFailed(Exception):
    """There is no key set to be had at a URI; the message says why."""


async def fetch_key_set(container: Container, uri: str) -> str:
    """The key set at a URI, or the one that an issuer's OpenID configuration names. A server must have a
    certificate of a public authority. Raises FetchFailed."""
    if uri.endswith(DISCOVERY):
        uri = str(_parsed(await _get(container, uri)).get("jwks_uri", ""))
    body = await _get(container, uri)
    if not isinstance(_parsed(body).get("keys"), list):
        raise FetchFailed("the answer is no key set")
    return body.decode()


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise FetchFailed(str(error)) from None
    return found if isinstance(found, dict) else {}


async def _get(container: Container, uri: str) -> bytes:
    url = urlsplit(uri)
    try:
        async with asyncio.timeout(_PATIENCE):
            answered = await _exchange(container, url)
        response = HTTPResponse(_Answered(answered))  # type: ignore[arg-type]
        response.begin()
        body = response.read()
    except NameNotFound:
        raise FetchFailed(f"lookup {url.hostname}: no such host") from None
    except (OSError, HTTPException, TimeoutError) as error:
        raise FetchFailed(str(error) or "context deadline exceeded") from None
    if not 200 <= response.status < 300:
        raise FetchFailed(f"status {response.status}")
    return body


async def _exchange(container: Container, url: SplitResult) -> bytes:
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
        return await reader.read()
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
