"""The loop that a cluster is served on."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict

from bashkit import Bash

from pocketmesh.loop import OFTEN, Loop


def test_a_thread_that_calls_often_is_known_from_call_to_call() -> None:
    local, known = threading.local(), defaultdict(list)

    class Watched(Loop):
        def call_soon_threadsafe(self, *args, **given):
            handle = super().call_soon_threadsafe(*args, **given)
            known[threading.get_ident()].append(hasattr(local, "called"))
            local.called = True
            return handle

    async def ours(context: object) -> int:
        return 0

    async def main() -> None:
        shell = Bash()
        shell.add_command("ours", ours)
        await shell.execute("ours;" * 5 * OFTEN)

    with asyncio.Runner(loop_factory=Watched) as runner:
        runner.run(main())
    calls = max(known.values(), key=len)
    assert calls == [*[False] * OFTEN, *[True] * (len(calls) - OFTEN)]
