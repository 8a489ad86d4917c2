"""Serving HTTP from a container until it is stopped, with a line in its log for each request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import TypeAlias

from pocketmesh.node.commands.http import Http
from pocketmesh.node.commands.web import Call, HttpHandler, Reply
from pocketmesh.node.process import Container, Invocation

Ports: TypeAlias = Mapping[int, Callable[[], asyncio.Protocol]]
"""What accepts connections on which port."""


@dataclass(frozen=True, slots=True)
class Served:
    """A request that has been answered: when, and in how many seconds."""

    call: Call
    reply: Reply
    time: datetime
    seconds: float


Note: TypeAlias = Callable[[Served], str]
"""The line that a server writes about a request; empty for none."""


async def serve_http(
    invocation: Invocation, handler: HttpHandler, *ports: int, note: Note | None = None
) -> int:
    """Answers on ports until it is cancelled; 1 when one of them is taken."""
    if note is not None:
        handler = noted(invocation, handler, note)
    return await serve(invocation, dict.fromkeys(ports, partial(Http, handler)))


async def serve(invocation: Invocation, ports: Ports) -> int:
    """Accepts connections until it is cancelled; 1 when a port is taken."""
    try:
        with listening(invocation.container, ports):
            await asyncio.Event().wait()
    except OSError as taken:
        why = (taken.strerror or str(taken)).lower()
        await invocation.stderr.write(f"{invocation.argv[0]}: bind: {why}\n".encode())
    return 1


@contextmanager
def listening(container: Container, ports: Ports) -> Iterator[None]:
    """Accepts connections as long as the block runs. Raises OSError when a port is taken."""
    taken: list[int] = []
    try:
        for port, factory in ports.items():
            container.network.listen(container.ip, port, factory)
            taken.append(port)
        yield
    finally:
        for port in taken:
            container.network.unlisten(container.ip, port)


def noted(invocation: Invocation, handler: HttpHandler, note: Note) -> HttpHandler:
    """A handler whose requests are each told of on standard output."""

    async def handle(call: Call) -> Reply:
        begun = perf_counter()
        reply = await handler(call)
        line = note(Served(call, reply, datetime.now(UTC), perf_counter() - begun))
        if line:
            await invocation.stdout.write(f"{line}\n".encode())
        return reply

    return handle
