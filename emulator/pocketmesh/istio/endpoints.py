"""The small HTTP endpoints of Istio's programs: probes, versions, admin pages.

Enough of HTTP/1.1 for kubelet, istioctl and curl: a request without a body is answered from a table and
the connection closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

from pocketmesh.node.process import Container

Answer = tuple[HTTPStatus, bytes]
Page = Callable[[str], Answer | Coroutine[Any, Any, Answer]]
"""Makes an answer, its status and its body, from the query of the address, at once or after a while."""

_LONGEST_HEAD: Final = 65536


@contextmanager
def served(container: Container, ports: Mapping[int, Mapping[str, Page]]) -> Iterator[None]:
    """Answers on ports of a container's pod as long as the block runs. Raises OSError if one is taken."""
    network, ip, opened = container.network, container.ip, []
    try:
        for port, pages in ports.items():
            network.listen(ip, port, _factory(pages))
            opened.append(port)
        yield
    finally:
        for port in opened:
            network.unlisten(ip, port)


def fine(body: bytes | Callable[[], bytes] = b"") -> Page:
    """A page with a fixed body, or one made for each request."""
    return lambda query: (HTTPStatus.OK, body() if callable(body) else body)


def _factory(pages: Mapping[str, Page]) -> Callable[[], asyncio.Protocol]:
    return lambda: _Answering(pages)


class _Answering(asyncio.Protocol):
    def __init__(self, pages: Mapping[str, Page]) -> None:
        self._pages = pages
        self._head = b""
        self._transport: asyncio.Transport | None = None
        self._making: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._head += data
        transport = self._transport
        if transport is None or transport.is_closing() or self._making is not None:
            return
        if b"\r\n\r\n" in self._head:
            found = _page(self._pages, self._head)
            if isinstance(found, tuple):
                self._answer(transport, found)
            else:
                self._making = asyncio.create_task(self._answer_later(transport, found))
        elif len(self._head) > _LONGEST_HEAD:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._making is not None:
            self._making.cancel()

    async def _answer_later(self, transport: asyncio.Transport, made: Coroutine[Any, Any, Answer]) -> None:
        self._answer(transport, await made)

    def _answer(self, transport: asyncio.Transport, answer: Answer) -> None:
        transport.write(_response(self._head, *answer))
        transport.close()


def _page(pages: Mapping[str, Page], head: bytes) -> Answer | Coroutine[Any, Any, Answer]:
    path, _, query = head.split(b" ", 2)[1].decode("latin-1").partition("?")
    # istioctl asks for `//version`, which Go's mux takes for `/version`.
    page = pages.get(f"/{path.lstrip('/')}")
    return page(query) if page else (HTTPStatus.NOT_FOUND, b"404 page not found\n")


def _response(head: bytes, status: HTTPStatus, body: bytes) -> bytes:
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"content-length: {len(body)}",
        f"content-type: {'application/json' if body[:1] in (b'{', b'[') else 'text/plain; charset=utf-8'}",
        "connection: close",
    )
    content = b"" if head.startswith(b"HEAD ") else body
    return "\r\n".join((*lines, "", "")).encode() + content
