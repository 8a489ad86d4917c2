"""One request of the echo client over each of its protocols, and what it prints of it.

Upstream: istio/istio pkg/test/echo/server/forwarder/{http,grpc,tcp}.go.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final
from urllib.parse import urljoin, urlsplit

from pocketmesh.node.commands.calling import Caller, Request
from pocketmesh.node.commands.curl.connections import Failed
from pocketmesh.node.commands.dialling import dial
from pocketmesh.node.commands.echo import grpc
from pocketmesh.node.commands.names import addresses
from pocketmesh.node.network import NameNotFound
from pocketmesh.node.process import Container

_REDIRECTS: Final = (301, 302, 303, 307, 308)
_MOST_REDIRECTS: Final = 10
_MESSAGE: Final = "HelloWorld"


class Unsuccessful(Exception):
    """A request without an answer; the message is the program's."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a command line asks for."""

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    message: str = ""
    http2: bool = False
    follow: bool = False
    limit: float = 5.0
    count: int = 1


@dataclass(slots=True)
class _Told:
    """Lines about the request, lines about the response, and its body."""

    asked: list[str]
    answered: list[str] = field(default_factory=list)
    body: str = ""


class Forwarder:
    """Makes the requests of one command, one after the other."""

    def __init__(self, container: Container, wish: Wish) -> None:
        self._container = container
        self._wish = wish
        self._caller = Caller(container)

    async def request(self, number: int) -> str:
        """The text about the request of that number, ended by an empty line. Raises Unsuccessful."""
        begun = perf_counter()
        match urlsplit(self._wish.url).scheme:
            case "http" | "https":
                told = await self._http()
            case "grpc":
                told = await self._grpc(number)
            case "tcp":
                told = await self._tcp()
            case scheme:
                raise Unsuccessful(f"no protocol handler found for scheme {scheme}")
        latency = f"Latency={(perf_counter() - begun) * 1000:.3f}ms"
        lines = [f"[{number}] {line}" for line in (*told.asked, latency, "ActiveRequests=1", *told.answered)]
        lines += [f"[{number} body] {line}" for line in told.body.split("\n") if line]
        return "\n".join(lines) + "\n\n"

    def close(self) -> None:
        """Ends the connection."""
        self._caller.close()

    async def _http(self) -> _Told:
        wish, url = self._wish, self._wish.url
        told = _Told([f"Url={url}", *(f"Header={name}:{value}" for name, value in wish.headers)])
        for _ in range(_MOST_REDIRECTS + 1):
            try:
                request = Request(url, wish.method, wish.headers, http2=wish.http2, limit=wish.limit)
                response = await self._caller.call(request)
            except Failed as failure:
                raise Unsuccessful(f'{wish.method.title()} "{url}": {failure.message}') from None
            location = response.value("location")
            if not (wish.follow and response.status in _REDIRECTS and location):
                break
            url = urljoin(url, location)
        else:
            why = f"stopped after {_MOST_REDIRECTS} redirects"
            raise Unsuccessful(f'{wish.method.title()} "{url}": {why}')
        told.answered.append(f"StatusCode={response.status}")
        fields = sorted((name.title(), value) for name, value in response.fields)
        told.answered += [f"ResponseHeader={name}:{value}" for name, value in fields]
        told.body = response.body.decode(errors="replace")
        return told

    async def _grpc(self, number: int) -> _Told:
        wish, message = self._wish, self._wish.message or _MESSAGE
        headers = (
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("user-agent", "grpc-go/1.62.1"),
            *wish.headers,
            ("x-request-id", str(number)),
        )
        url = f"http://{urlsplit(wish.url).netloc}{grpc.ECHO}"
        try:
            request = Request(url, "POST", headers, grpc.encode(message), http2=True, limit=wish.limit)
            response = await self._caller.call(request)
        except Failed as failure:
            raise Unsuccessful(f"rpc error: code = Unavailable desc = {failure.message}") from None
        status, why = response.value("grpc-status"), response.value("grpc-message")
        code = int(status) if status.isdecimal() else grpc.code_of_http(response.status)
        if code:
            name = grpc.CODES.get(code, f"Code({code})")
            why = why or f"unexpected HTTP status code received from server: {response.status}"
            raise Unsuccessful(f"rpc error: code = {name} desc = {why}")
        ends = {"grpc-status", "grpc-message"}
        return _Told(
            [f"grpcecho.Echo({message})"],
            [f"ResponseHeader={name}:{value}" for name, value in response.fields if name not in ends],
            grpc.decode(bytes(response.body)),
        )

    async def _tcp(self) -> _Told:
        parts = urlsplit(self._wish.url)
        line = f"{self._wish.message or _MESSAGE}\n"
        try:
            async with asyncio.timeout(self._wish.limit):
                ip = addresses(self._container, parts.hostname or "")[0]
                sock = await dial(self._container, ip, parts.port or 0)
                reader, writer = await asyncio.open_connection(sock=sock)
                try:
                    writer.write(line.encode())
                    data = await reader.readuntil(line.encode())
                finally:
                    writer.close()
        except NameNotFound:
            why = f"lookup {parts.hostname}: no such host"
            raise Unsuccessful(f"dial tcp: {why}") from None
        except (OSError, asyncio.IncompleteReadError) as error:
            raise Unsuccessful(f"dial tcp {parts.netloc}: {error}") from None
        return _Told([f"Url={self._wish.url}", f"Echo={line.strip()}"], [], data.decode(errors="replace"))
