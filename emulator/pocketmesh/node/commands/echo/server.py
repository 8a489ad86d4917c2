"""`server`, the echo application: HTTP/1.1 and HTTP/2 on one port, gRPC and plain TCP on others."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Final

from aiohttp import web

from pocketmesh.node.commands.echo import answers, grpc
from pocketmesh.node.commands.echo.answers import Server, WrongWish
from pocketmesh.node.commands.echo.flags import Flags, WrongUsage, parse
from pocketmesh.node.commands.web import Call, HttpHandler, Reply
from pocketmesh.node.process import Invocation

_VALUED: Final = ("port", "grpc", "tcp", "tls", "crt", "key", "version", "cluster", "istio-version")
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # RFC 9113, section 3.4
_TEXT: Final = ("content-type", "text/plain; charset=utf-8")


async def server(invocation: Invocation) -> int:
    """Answers on the ports that the command line names until it is stopped."""
    try:
        flags = parse(invocation.argv[1:], valued=_VALUED, switches=(), short={})
        factories = _factories(invocation.container.hostname, flags)
    except WrongUsage as wrong:
        await invocation.stderr.write(f"Error: {wrong}\n".encode())
        return 1
    network, ip = invocation.container.network, invocation.container.ip
    with ExitStack() as stack:
        for port, (what, factory) in factories.items():
            network.listen(ip, port, factory)
            stack.callback(network.unlisten, ip, port)
            await invocation.stdout.write(f"Listening {what} on {port}\n".encode())
        await asyncio.Event().wait()
    return 0


def _factories(hostname: str, flags: Flags) -> dict[int, tuple[str, Callable[[], asyncio.Protocol]]]:
    """What listens where."""
    who = Server(hostname, 0, flags.last("version"), flags.last("cluster"), flags.last("istio-version"))
    found: dict[int, tuple[str, Callable[[], asyncio.Protocol]]] = {}
    for port in flags.numbers("port", [8080]):
        found[port] = ("HTTP/1.1", partial(Http, replace(who, port=port)))
    for port in flags.numbers("grpc", [7070]):
        found[port] = ("GRPC", partial(_http2, partial(_call, replace(who, port=port))))
    for port in flags.numbers("tcp", [9090]):
        found[port] = ("TCP", partial(Tcp, replace(who, port=port)))
    return found


class Http(asyncio.Protocol):
    """A connection that turns out to be HTTP/2 or HTTP/1.1 by its first bytes."""

    def __init__(self, server: Server, alpn: str = "") -> None:
        self._server = server
        self._alpn = alpn
        self._begun = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._begun += data
        if self._begun[: len(_PREFACE)] == _PREFACE:
            self._become(_http2(partial(_answer, self._server, "HTTP/2.0", self._alpn)))
        elif not _PREFACE.startswith(self._begun):
            self._become(web.Server(self._answer_1, access_log=None)())

    def _become(self, protocol: asyncio.Protocol) -> None:
        assert self._transport is not None
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(self._begun)

    async def _answer_1(self, request: web.BaseRequest) -> web.StreamResponse:
        version = f"HTTP/{request.version.major}.{request.version.minor}"
        call = Call(
            request.method,
            request.raw_path,
            request.host,
            tuple((name.lower(), value) for name, value in request.headers.items()),
            await request.read(),
        )
        reply = await _answer(self._server, version, self._alpn, call)
        return web.Response(status=reply.status, body=reply.body, headers=dict(reply.headers))


def _http2(handler: HttpHandler) -> asyncio.Protocol:
    from pocketmesh.node.commands.http2 import Http2  # few clusters need it

    return Http2(handler)


async def _answer(server: Server, protocol: str, alpn: str, call: Call) -> Reply:
    try:
        wishes = answers.wishes(call.target)
    except WrongWish as wrong:
        return Reply(400, (_TEXT,), f"{wrong}\n".encode())
    await asyncio.sleep(wishes.delay)
    statuses, chances = zip(*wishes.codes, strict=True)
    status = random.choices(statuses, chances)[0]
    return Reply(status, (_TEXT, *wishes.headers), answers.http(server, call, protocol, alpn).encode())


async def _call(server: Server, call: Call) -> Reply:
    head = (("content-type", "application/grpc"),)
    if call.target != grpc.ECHO:
        service, _, method = call.target.strip("/").rpartition("/")
        why = f"unknown method {method} for service {service}"
        return Reply(headers=(*head, *_status(grpc.UNIMPLEMENTED, why)))
    try:
        message = grpc.decode(call.body)
    except grpc.Malformed as wrong:
        return Reply(headers=(*head, *_status(grpc.INTERNAL, str(wrong))))
    body = grpc.encode(answers.grpc(server, call, message))
    return Reply(headers=head, body=body, trailers=_status(0, ""))


def _status(code: int, message: str) -> tuple[tuple[str, str], ...]:
    return ("grpc-status", str(code)), ("grpc-message", message)


class Tcp(asyncio.Protocol):
    """Describes the server when the first bytes arrive, and sends all bytes back."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._described = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if not self._described:
            self._described = True
            self._transport.write(answers.tcp(self._server).encode())
        self._transport.write(data)
