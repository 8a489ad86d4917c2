"""A limit on the time that one check may take, so that one which hangs costs nobody else's verdict.

It interrupts sleeping, waiting for sockets and processes, and loops. A check that cannot be interrupted is
stopped from outside, together with its process.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class OutOfTime(BaseException):
    """A check's time is over. Not an Exception: a check that expects those must not catch it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises OutOfTime inside when `seconds` are over; for the main thread."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise OutOfTime(f"The check did not finish within {seconds:g} s.")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
