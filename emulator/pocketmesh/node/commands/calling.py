"""Requests that programs make, by libcurl: HTTP/1.1, HTTP/2 without TLS, and gRPC on top of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import pycurl

from pocketmesh.node.commands.curl.connections import Connections, Failed
from pocketmesh.node.commands.curl.transfer import Transfers
from pocketmesh.node.commands.web import Fields
from pocketmesh.node.process import Container

_NOT_OURS: Final = ("Accept:", "Content-Type:", "Expect:")
"""Headers that libcurl would add."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, and for how many seconds the answer is waited for."""

    url: str
    method: str = "GET"
    headers: Fields = ()
    body: bytes | None = None
    http2: bool = False
    limit: float = 5.0


@dataclass(slots=True)
class Response:
    """What came back; `fields` are header lines and trailers in their order."""

    status: int = 0
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    closes: bool = False

    def value(self, name: str) -> str:
        """The last value of a header or trailer."""
        return next((value for key, value in reversed(self.fields) if key.lower() == name), "")

    def line(self, raw: bytes) -> None:
        """libcurl's HEADERFUNCTION."""
        text = raw.decode("latin-1").rstrip("\r\n")
        if text.startswith("HTTP/"):
            self.status = int(text.split()[1])
            self.fields.clear()
            return
        name, colon, value = text.partition(":")
        if colon:
            self.fields.append((name, value.strip()))
            if name.lower() == "connection" and value.strip().lower() == "close":
                self.closes = True

    async def take(self, data: bytes) -> None:
        """More of the body."""
        self.body += data


class Caller:
    """Makes requests one after the other, on one connection as long as that lasts."""

    def __init__(self, container: Container) -> None:
        self._connections = Connections(container, [])
        self._transfers = Transfers()

    @property
    def opened(self) -> int:
        """How many connections it took so far."""
        return self._connections.opened

    async def call(self, request: Request) -> Response:
        """The response; redirects are not followed. Raises curl's Failed."""
        parts, again = urlsplit(request.url), False
        while True:
            response = Response()
            handle = self._transfers.handle
            handle.reset()
            for option, value in self._settings(request, response):
                handle.setopt(option, value)
            entry = await self._connections.prepare(parts, request.limit, again=again)
            handle.setopt(pycurl.RESOLVE, [entry])
            code, message = await self._transfers.perform(response.take)
            if self._connections.missed and not again:
                again = True  # the connection that was kept is gone: once more on a new one
                continue
            self._connections.keep(parts, not code and not response.closes)
            if code:
                raise Failed(code, message)
            return response

    def close(self) -> None:
        """Ends the connection."""
        self._connections.close()
        self._transfers.close()

    def _settings(self, request: Request, response: Response) -> list[tuple[int, Any]]:
        version = (
            pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE if request.http2 else pycurl.CURL_HTTP_VERSION_1_1
        )
        lines = [f"{name}: {value}" if value else f"{name};" for name, value in request.headers]
        given = {name.lower() for name, _ in request.headers}
        removed = [line for line in _NOT_OURS if line.rstrip(":").lower() not in given]
        agent = "Go-http-client/2.0" if request.http2 else "Go-http-client/1.1"
        found: list[tuple[int, Any]] = [
            (pycurl.URL, request.url),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.PROXY, ""),
            (pycurl.NOSIGNAL, 1),
            (pycurl.PATH_AS_IS, 1),
            (pycurl.HTTP_VERSION, version),
            (pycurl.USERAGENT, agent),
            (pycurl.HTTPHEADER, [*lines, *removed]),
            (pycurl.TIMEOUT_MS, int(request.limit * 1000)),
            (pycurl.SSL_VERIFYPEER, 0),
            (pycurl.SSL_VERIFYHOST, 0),
            (pycurl.OPENSOCKETFUNCTION, self._connections.open),
            (pycurl.SOCKOPTFUNCTION, _already_connected),
            (pycurl.WRITEFUNCTION, self._transfers.received),
            (pycurl.HEADERFUNCTION, response.line),
        ]
        if request.body is not None:
            found.append((pycurl.POSTFIELDS, request.body))
        elif request.method == "HEAD":
            found.append((pycurl.NOBODY, 1))
        elif request.method != "GET":
            found.append((pycurl.CUSTOMREQUEST, request.method))
        return found


def _already_connected(sock: Any, purpose: int) -> int:
    return int(pycurl.SOCKOPT_ALREADY_CONNECTED)
