"""Remote command over SPDY/3.1: one stream each for error, stdin, stdout, stderr and resize.

Source: k8s.io/kubelet/pkg/cri/streaming/remotecommand/httpstream.go. All stream creations come before
anything runs; then the program's outcome goes over the error stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from pocketmesh.api.errors import ApiError
from pocketmesh.api.runtime import Streams
from pocketmesh.api.streams.remote_command import (
    Program,
    Wanted,
    outcome,
    terminal_size,
    told,
    until_gone,
)
from pocketmesh.api.streams.spdy import Connection, Stream
from pocketmesh.api.streams.takeover import take_over

VERSION_HEADER: Final = "X-Stream-Protocol-Version"
PROTOCOLS: Final = (
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v3.channel.k8s.io",
    "v2.channel.k8s.io",
    "channel.k8s.io",
)
CREATION_TIMEOUT: Final = 30.0
CLOSE_TIMEOUT: Final = 10.0


def negotiated(request: web.BaseRequest, known: Sequence[str]) -> str:
    """The first protocol of the client's that we know; the last of ours for a client that names none.

    Raises ApiError 403, as k8s.io/apimachinery/pkg/util/httpstream.Handshake does.
    """
    asked = [name.strip() for line in request.headers.getall(VERSION_HEADER, []) for name in line.split(",")]
    if not asked:
        return known[-1]
    for name in asked:
        if name in known:
            return name
    raise ApiError(403, "Forbidden", f"unable to negotiate protocol: client supports {asked}")


def expected(want: Wanted, version: str) -> set[str]:
    """The stream types that the client will open."""
    kinds = {"error"}
    kinds |= {kind for kind in ("stdin", "stdout", "stderr") if getattr(want, kind)}
    if want.tty and version[:2] in ("v3", "v4", "v5"):
        kinds.add("resize")
    return kinds


async def serve(
    request: web.BaseRequest, program: Program, want: Wanted, argv: Sequence[str] = ()
) -> web.StreamResponse:
    """Upgrades the request and runs the program over it. Raises ApiError 403 for unknown protocols."""
    version = negotiated(request, PROTOCOLS)
    response, wire = await take_over(request, "SPDY/3.1", {VERSION_HEADER: version})
    missing = expected(want, version)
    opened: dict[str, Stream] = {}
    complete = asyncio.Event()

    def accept(stream: Stream) -> None:
        kind = stream.headers.get("streamtype", "")
        opened.setdefault(kind, stream)
        if missing <= opened.keys():
            complete.set()

    connection = Connection(wire, accept)
    listening = asyncio.ensure_future(connection.run())

    async def work() -> None:
        async with asyncio.timeout(CREATION_TIMEOUT):
            await complete.wait()
        await _run(program, opened, want, argv, structured=version[:2] in ("v4", "v5"))
        await connection.go_away()
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await asyncio.shield(listening)

    await until_gone(work(), listening)
    wire.close()
    return response


async def _run(
    program: Program, opened: dict[str, Stream], want: Wanted, argv: Sequence[str], *, structured: bool
) -> None:
    async def nowhere(data: bytes) -> None:
        return

    stdout, stderr = opened.get("stdout"), opened.get("stderr")
    out = stdout.write if stdout else nowhere
    streams = Streams(
        stdin=opened.get("stdin"),
        stdout=out,
        stderr=stderr.write if stderr else out if want.tty else nowhere,
        tty=want.tty,
    )
    resizing = asyncio.ensure_future(_follow_size(opened.get("resize"), streams))
    try:
        status = await outcome(program, streams, argv)
        message = told(status, structured=structured)
        if message:
            await opened["error"].write(message)
        for stream in opened.values():
            await stream.close()
    finally:
        resizing.cancel()


async def _follow_size(stream: Stream | None, streams: Streams) -> None:
    while stream and (message := await stream.read()):
        if size := terminal_size(message):
            streams.resize.put_nowait(size)
