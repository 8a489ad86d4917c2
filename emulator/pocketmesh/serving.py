"""Serving one cluster in the foreground, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Final

from pocketmesh.store import StoreError

_TURN: Final = 1.0


def serve(state: Path, istio: str, port: int) -> int:
    """Exit codes: 0 stopped, 1 could not serve."""
    # The start makes much and drops little. After it collections may come a tenth as often as usual.
    gc.disable()
    gc.set_threshold(10_000)
    # bashkit's threads enter the context of a script's tasks, and fail while one of these is being run: let
    # them have their turn when the loop waits, not in the middle of a step.
    sys.setswitchinterval(_TURN)
    # Its scripts take turns on one thread as well as on many, which only wake each other up.
    os.environ.setdefault("TOKIO_WORKER_THREADS", "1")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    state = state.resolve()
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Unix sockets are addressed relative to here, so a long path to the state does not matter.
        os.chdir(state)
        asyncio.run(_serve(state, istio, port))
    except (OSError, StoreError, TimeoutError) as error:
        print(f"pocketmesh: cannot serve {state}: {error}", file=sys.stderr)
        return 1
    return 0


def import_cluster() -> None:
    """Imports what serving needs, which takes longer than the rest of a start."""
    # aiohttp reads the machine's authorities twice when it is imported; nothing here ever trusts them.
    os.environ["SSL_CERT_FILE"] = os.devnull
    import pocketmesh.cluster  # noqa: F401


async def _serve(state: Path, istio: str, port: int) -> None:
    import_cluster()
    from pocketmesh.cluster import Place, run

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run(Place(state, Path("run")), "ambient" if istio == "ambient" else "none", port, stop)
