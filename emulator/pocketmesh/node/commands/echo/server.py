"""`server`, the echo application: HTTP/1.1 and HTTP/2 on one port, gRPC and plain TCP on others."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Final

from pocketmesh.node.commands.echo import answers, grpc
from pocketmesh.node.commands.echo.answers import Server, WrongWish
from pocketmesh.node.commands.flags import Flags, WrongUsage, parse
from pocketmesh.node.commands.grpc import INTERNAL, Malformed, answered, refused, unknown
from pocketmesh.node.commands.http import Http, http2
from pocketmesh.node.commands.tls import Application, Tls, self_signed, server_context
from pocketmesh.node.commands.web import Call, Reply
from pocketmesh.node.process import Container, Invocation

_VALUED: Final = ("port", "grpc", "tcp", "tls", "crt", "key", "version", "cluster", "istio-version")
_TEXT: Final = ("content-type", "text/plain; charset=utf-8")
_ALPN: Final = ("h2", "http/1.1", "http/1.0")


async def server(invocation: Invocation) -> int:
    """Answers on the ports that the command line names until it is stopped."""
    container = invocation.container
    try:
        flags = parse(invocation.argv[1:], valued=_VALUED, switches=(), short={})
        ports = _ports(container, flags)
        encrypted = flags.numbers("tls", [])
    except WrongUsage as wrong:
        await invocation.stderr.write(f"Error: {wrong}\n".encode())
        return 1
    context = _context(container, flags) if encrypted else None
    with ExitStack() as stack:
        for port, (what, application) in ports.items():
            factory: Callable[[], asyncio.Protocol] = partial(application, "")
            shown = what
            if context is not None and port in encrypted:
                factory, shown = partial(Tls, context, application), f"{what} (over TLS)"
            container.network.listen(container.ip, port, factory)
            stack.callback(container.network.unlisten, container.ip, port)
            await invocation.stdout.write(f"Listening {shown} on {port}\n".encode())
        await asyncio.Event().wait()
    return 0


def _ports(container: Container, flags: Flags) -> dict[int, tuple[str, Application]]:
    """What listens where."""
    names = ("version", "cluster", "istio-version")
    who = Server(container.hostname, 0, *(flags.last(name) for name in names))
    found: dict[int, tuple[str, Application]] = {}
    for port in flags.numbers("port", [8080]):
        found[port] = ("HTTP/1.1", partial(Http, partial(_answer, replace(who, port=port))))
    for port in flags.numbers("grpc", [7070]):
        found[port] = ("GRPC", partial(http2, partial(_call, replace(who, port=port))))
    for port in flags.numbers("tcp", [9090]):
        found[port] = ("TCP", partial(Tcp, replace(who, port=port)))
    return found


def _context(container: Container, flags: Flags) -> ssl.SSLContext:
    """TLS with the certificate that the command line names, or with one like that in the image."""
    try:
        pair = container.files.read(flags.last("crt")), container.files.read(flags.last("key"))
    except FileNotFoundError:
        pair = self_signed("localhost")
    return server_context(*pair, alpn=_ALPN)


async def _answer(server: Server, call: Call) -> Reply:
    try:
        wishes = answers.wishes(call.target)
    except WrongWish as wrong:
        return Reply(400, (_TEXT,), f"{wrong}\n".encode())
    await asyncio.sleep(wishes.delay)
    statuses, chances = zip(*wishes.codes, strict=True)
    status = random.choices(statuses, chances)[0]
    return Reply(status, (_TEXT, *wishes.headers), answers.http(server, call).encode(errors="replace"))


async def _call(server: Server, call: Call) -> Reply:
    if call.target != grpc.ECHO:
        return unknown(call.target)
    try:
        message = grpc.decode(call.body)
    except Malformed as wrong:
        return refused(INTERNAL, str(wrong))
    return answered(grpc.message(answers.grpc(server, call, message)))


class Tcp(asyncio.Protocol):
    """Describes the server when the first bytes arrive, and sends all bytes back."""

    def __init__(self, server: Server, alpn: str) -> None:
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
