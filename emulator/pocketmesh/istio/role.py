"""Work that several containers may do at once, such as two istiods during a roll-out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Role:
    """Work that goes on while at least one container does it."""

    def __init__(self, start: Callable[[], None], stop: Callable[[], None]) -> None:
        self._start = start
        self._stop = stop
        self._holders = 0

    @property
    def active(self) -> bool:
        """Whether anybody does it."""
        return self._holders > 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Does it as long as the block runs: the first to come starts it, the last to go stops it."""
        self._holders += 1
        if self._holders == 1:
            self._start()
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                self._stop()
