"""fortio's servers: an echo over HTTP on 8080, a ping over gRPC on 8079."""

from __future__ import annotations

import asyncio
import random
import time
from functools import partial
from typing import Final

from pocketmesh.node.commands.durations import seconds
from pocketmesh.node.commands.flags import Flags
from pocketmesh.node.commands.grpc import INTERNAL, answered, refused, unframed, unknown
from pocketmesh.node.commands.http import Http, http2
from pocketmesh.node.commands.serving import serve
from pocketmesh.node.commands.web import Call, Fields, Reply
from pocketmesh.node.process import Invocation
from pocketmesh.schema import wire

PING: Final = "/fgrpc.PingServer/Ping"
_LARGEST: Final = 1024 * 1024
_LONGEST: Final = 1.5


async def server(invocation: Invocation, flags: Flags) -> int:
    """`fortio server [-http-port N] [-grpc-port N]`. Raises WrongUsage."""
    http, grpc = flags.number("http-port", 8080), flags.number("grpc-port", 8079)
    lines = (
        f"Fortio grpc 'ping' server listening on tcp [::]:{grpc}\n"
        f"Fortio http-echo server listening on tcp [::]:{http}\n"
    )
    await invocation.stderr.write(lines.encode())
    echo = partial(_echo, invocation.container.hostname)
    return await serve(invocation, {http: partial(Http, echo), grpc: partial(http2, _ping)})


async def _echo(hostname: str, call: Call) -> Reply:
    try:
        delay = seconds(chosen(_last(call, "delay"), "0"))
    except ValueError:
        delay = 0.0
    await asyncio.sleep(min(delay, _LONGEST))
    return echo(hostname, call)


def echo(hostname: str, call: Call) -> Reply:
    """The request's body; `status`, `size` and `header` of the query change it. /debug describes it."""
    if call.path.rstrip("/") == "/debug":
        return Reply(
            headers=(("content-type", "text/plain; charset=UTF-8"),), body=_described(hostname, call)
        )
    status = chosen(_last(call, "status"), "200")
    size = _last(call, "size")
    pairs = [value.partition(":") for name, value in call.query if name == "header"]
    headers: Fields = tuple((name, value.strip()) for name, colon, value in pairs if colon)
    code = int(status) if status.isdecimal() and 200 <= int(status) < 600 else 400
    if size.isdecimal():
        body, kind = b"x" * min(int(size), _LARGEST), "application/octet-stream"
    else:
        body, kind = call.body, call.header("content-type")
    return Reply(code, (*headers, *((("content-type", kind),) if kind else ())), body)


def chosen(wish: str, otherwise: str) -> str:
    """One of `VALUE:PERCENT,…` by chance; what the percents leave over is `otherwise`. A value without
    a percent is sure."""
    draw = random.random() * 100
    for entry in filter(None, wish.split(",")):
        value, _, percent = entry.partition(":")
        draw -= float(percent) if percent.replace(".", "", 1).isdecimal() else 100
        if draw < 0:
            return value
    return otherwise


async def _ping(call: Call) -> Reply:
    if call.target != PING:
        return unknown(call.target)
    try:
        asked = dict(wire.fields(unframed(call.body)))
    except (ValueError, IndexError) as damaged:
        return refused(INTERNAL, str(damaged))
    await asyncio.sleep(min(asked.get(4, 0) / 1e9, _LONGEST))
    message = wire.field(1, asked.get(1, 0)) + wire.field(2, time.time_ns())
    return answered(message + wire.field(3, asked.get(3, b"")))


def _described(hostname: str, call: Call) -> bytes:
    headers = "".join(f"{name.title()}: {value}\n" for name, value in sorted(call.headers) if name != "host")
    lines = (
        f"Φορτίο echo debug server on {hostname} - request from {call.client}\n\n"
        f"{call.method} {call.target} {call.protocol}\n\n"
        f"headers:\n\nHost: {call.authority}\n{headers}\nbody:\n\n"
    )
    return lines.encode() + call.body + b"\n"


def _last(call: Call, name: str) -> str:
    return next((value for key, value in call.query if key == name), "")
