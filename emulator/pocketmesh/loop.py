"""The event loop that a cluster is served on. It differs from asyncio's in what threads of others cost it."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from contextvars import Context
from typing import Final, TypeVarTuple

OFTEN: Final = 50
_Given = TypeVarTuple("_Given")


class Loop(asyncio.SelectorEventLoop):
    """Lets a thread that calls it often keep its state in Python.

    bashkit's threads are none of Python's own. Such a thread is given a state and a stack with each call, and
    loses them after it, which takes longer than the call; unless something in it has asked for the state
    and never gives it back (https://docs.python.org/3/c-api/init.html#non-python-created-threads).
    """

    def __init__(self) -> None:
        super().__init__()
        self._calls: Counter[int] = Counter()

    def call_soon_threadsafe(
        self, callback: Callable[[*_Given], object], *args: *_Given, context: Context | None = None
    ) -> asyncio.Handle:
        caller = threading.get_ident()
        self._calls[caller] += 1
        # Not at once: what a thread keeps is lost when it ends, and bashkit has others that do so soon.
        if self._calls[caller] == OFTEN:
            import ctypes

            ctypes.pythonapi.PyGILState_Ensure()
        return super().call_soon_threadsafe(callback, *args, context=context)
