"""`POST /pocketmesh/v1/convergence`: an answer once the cluster has followed every change made before.

It waits for what lags behind the objects: controllers, pods on their way up or down, the mesh on its way into
the proxies. What trails requests, such as records and counters, is none of its business, and neither is what
takes the cluster's own time: a pod that backs off, a probe that never succeeds, the next run of a CronJob.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from pocketmesh.api.errors import no_such_resource
from pocketmesh.api.server.server import ExtraCall
from pocketmesh.objects import Object

LONGEST_WAIT: Final = 5.0
_POLL: Final = 0.002
_QUIET: Final = 3
"""Looks in a row that must find nothing: what has just begun shows itself a moment later."""


class Part(Protocol):
    """Something that follows the objects."""

    def behind(self) -> Iterable[str]:
        """What has not followed them yet, in words; nothing when all has. Asked every few milliseconds."""
        ...


class Convergence:
    """Answers with `converged`, and in `behind` with what is still waited for after five seconds."""

    def __init__(self, *parts: Part) -> None:
        self._parts = parts

    async def __call__(self, call: ExtraCall) -> Object:
        if call.method != "POST" or call.path:
            raise no_such_resource()
        behind = await converge(self._parts)
        return {"converged": not behind, "behind": behind}


async def converge(parts: Sequence[Part], longest: float = LONGEST_WAIT) -> list[str]:
    """Waits until no part is behind, and returns what still is when the time is up."""
    loop = asyncio.get_running_loop()
    deadline, quiet = loop.time() + longest, 0
    while True:
        behind = [what for part in parts for what in part.behind()]
        quiet = 0 if behind else quiet + 1
        if quiet == _QUIET or (behind and loop.time() >= deadline):
            return behind
        await asyncio.sleep(_POLL)
