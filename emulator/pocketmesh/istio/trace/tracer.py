"""Sends one request from a pod and follows it. The request is a real one, made by curl in that pod's network:
what is told is what happened to it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pocketmesh.istio.dataplane import DataPlane
from pocketmesh.istio.trace.report import Trace
from pocketmesh.istio.trace.sent import Request, Sent, shown
from pocketmesh.node.process import Container, Invocation, NoInput

_PATIENCE: Final = 2.0
_LONGEST: Final = "15"
_WRITTEN: Final = "%{http_code} %{time_total}"


async def trace(plane: DataPlane, client: Container, request: Request) -> Trace:
    """The way of a request from a container, or from the host. Raises ValueError for a URL that is none."""
    if urlsplit(request.url).scheme not in {"http", "https"} or not request.host:
        raise ValueError(f"not an http or https URL: {request.url}")
    sent = Sent(plane, client, request)
    with plane.observed(sent):
        answer = await _curl(client, request, sent.request_id)
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await sent.followed()
    return Trace(
        client=shown(client),
        request=f"{request.method} {request.url}",
        hops=tuple(sent.hops(answer.status)),
        outcome=answer.outcome,
        fine=answer.fine,
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    """What curl said: a status, or why there is none."""

    status: int
    seconds: float
    error: str

    @property
    def fine(self) -> bool:
        return not self.error and self.status < 400

    @property
    def outcome(self) -> str:
        return self.error or f"HTTP {self.status} after {self.seconds * 1000:.0f} ms"


async def _curl(client: Container, request: Request, request_id: str) -> _Answer:
    from pocketmesh.node.commands.curl import curl  # libcurl is loaded when it is needed

    out, err = _Kept(), _Kept()
    argv = ["curl", "-sS", "-k", "-m", _LONGEST, "-o", "/dev/null", "-w", _WRITTEN]
    argv += ["-X", request.method, "-H", f"x-request-id: {request_id}"]
    argv += [word for header in request.headers for word in ("-H", header)]
    code = await curl(Invocation([*argv, request.url], client, NoInput(), out, err))
    status, seconds = out.text.split()[-2:]
    return _Answer(int(status), float(seconds), err.text.strip() if code else "")


class _Kept:
    """An output that is kept."""

    def __init__(self) -> None:
        self._data = b""

    async def write(self, data: bytes, /) -> None:
        self._data += data

    @property
    def text(self) -> str:
        return self._data.decode(errors="replace")
