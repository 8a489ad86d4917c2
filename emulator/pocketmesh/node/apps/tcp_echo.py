"""Istio's tcp-echo-server: a line comes back with a word before it (samples/tcp-echo)."""

from __future__ import annotations

import asyncio
from functools import partial

from pocketmesh.node.commands.serving import serve
from pocketmesh.node.log import ContainerLog
from pocketmesh.node.process import Invocation


async def tcp_echo(invocation: Invocation) -> int:
    """`tcp-echo PORT[,PORT]… PREFIX`."""
    words = invocation.argv[1:]
    ports = words[0].split(",") if words else []
    if len(words) != 2 or not all(port.isdecimal() for port in ports):
        await invocation.stderr.write(b"usage: tcp-echo PORT[,PORT]... PREFIX\n")
        return 1
    for port in ports:
        await invocation.stdout.write(f"listening on [::]:{port}, prefix: {words[1]}\n".encode())
    factory = partial(_Echo, words[1].encode(), invocation.container.log)
    return await serve(invocation, dict.fromkeys(map(int, ports), factory))


class _Echo(asyncio.Protocol):
    def __init__(self, prefix: bytes, log: ContainerLog) -> None:
        self._prefix = prefix
        self._log = log
        self._begun = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            response = self._prefix + b" " + line + b"\n"
            self._log.write(b"request: " + line + b"\nresponse: " + response)
            self._transport.write(response)
