"""Judging a lab again and again in forks of a process that has read its checks.

A fork starts as clean as a new Python that has just collected the checks: nothing that one run imports or
changes reaches the next. What it saves is the imports, and what pytest does before the first check.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from typing import NoReturn

from labcheck.grading.run import PytestRun

FORK = multiprocessing.get_context("fork")
_GRACE = 5.0
"""Seconds in which a collector that nobody needs ends by itself."""


class Forks:
    """Runs pytest in forks; one run's checks are read anew only where they are not those of the last run.

    For processes with a single thread. To be closed.
    """

    def __init__(self) -> None:
        self._collector: _Collector | None = None

    def __call__(self, asked: PytestRun) -> bool:
        """Runs pytest; False when it had to be stopped."""
        if self._collector is None or self._collector.arguments != asked.arguments:
            self.close()
            self._collector = _Collector(asked)
        try:
            return self._collector.run(asked)
        except TimeoutError:
            self.close()
            return False
        except (EOFError, OSError):  # It had nothing to run, or a check took it along.
            self.close()
            return True

    def close(self) -> None:
        """Ends what was kept for the next run."""
        if self._collector is not None:
            self._collector.close()
            self._collector = None


class _Collector:
    """The process that has collected a lab's checks, seen from outside."""

    def __init__(self, asked: PytestRun) -> None:
        self.arguments = asked.arguments
        self._line, theirs = FORK.Pipe()
        self._process = FORK.Process(target=_collect, args=(asked, theirs, self._line))
        self._process.start()
        theirs.close()
        self._collected = False

    def run(self, asked: PytestRun) -> bool:
        """Whether the run ended by itself. Raises TimeoutError when the checks are not even read in time, and
        EOFError or OSError when there is nothing to run."""
        if not self._collected:
            if not self._line.poll(asked.time_limit):
                raise TimeoutError
            self._line.recv()
            self._collected = True
        self._line.send(asked)
        return bool(self._line.recv())

    def close(self) -> None:
        self._line.close()
        self._process.join(_GRACE if self._collected else 0)
        end(self._process)


def _collect(asked: PytestRun, line: Connection, theirs: Connection) -> NoReturn:
    from labcheck.authoring.collector import collect

    theirs.close()
    collect(asked, line)


def end(process: ForkProcess) -> None:
    """Ends a process that leads a group, with its group."""
    assert process.pid is not None
    # The group of a fork that has not come to make one is ours, so the fork itself is asked as well.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()
    process.close()
