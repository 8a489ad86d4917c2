"""What Bookinfo's services have in common: their answers in JSON, the headers that they hand on, and how
they call each other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson

from pocketmesh.node.commands.calling import Caller, Request
from pocketmesh.node.commands.curl.connections import Failed
from pocketmesh.node.commands.web import Call, Fields, Reply
from pocketmesh.node.process import Container

PORT: Final = 9080
HANDED_ON: Final = (
    *("x-request-id", "x-ot-span-context", "x-datadog-trace-id", "x-datadog-parent-id"),
    *("x-datadog-sampling-priority", "traceparent", "tracestate", "baggage", "x-cloud-trace-context"),
    *("grpc-trace-bin", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"),
    *("sw8", "user-agent", "cookie", "authorization", "jwt"),
)
"""Headers of a request that go along with the requests made for it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What another service said; status 0 when nothing came in time."""

    status: int
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body of a success; None when it is not JSON, or there was no success."""
        try:
            return orjson.loads(self.body) if self.status == 200 else None
        except orjson.JSONDecodeError:
            return None


Fetch: TypeAlias = Callable[[str, Fields, float], Awaitable[Answer]]
"""GETs a URL with headers, waiting for so many seconds."""


def fetching(container: Container) -> Fetch:
    """Fetches from inside a container, each time on a connection of its own."""

    async def fetch(url: str, headers: Fields, limit: float) -> Answer:
        caller = Caller(container)
        try:
            response = await caller.call(Request(url, headers=headers, limit=limit))
        except Failed:
            return Answer(0)
        finally:
            caller.close()
        return Answer(response.status, bytes(response.body))

    return fetch


def handed_on(call: Call, *more: str) -> Fields:
    """The headers of a request that are sent on."""
    names = {*HANDED_ON, *more}
    return tuple((name, value) for name, value in call.headers if name in names)


def number(text: str) -> int | None:
    """The number of a product; None when it is none."""
    return int(text) if text.isascii() and text.isdigit() else None


def json(value: Any, status: int = 200) -> Reply:
    """An answer in JSON."""
    return Reply(status, (("content-type", "application/json"),), orjson.dumps(value))
