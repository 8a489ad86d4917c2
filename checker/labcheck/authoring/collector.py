"""The process that has collected a lab's checks, and forks for every run of them.

It leaves to pytest what goes wrong on the way to the first check, so that a lab whose checks cannot be read
is refused as it would be in a Python of its own.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from multiprocessing.connection import Connection, wait
from typing import NoReturn

import pytest

from labcheck.authoring.forked import FORK, end
from labcheck.checks.plugin import grading
from labcheck.grading.launch import PytestRun


def collect(asked: PytestRun, line: Connection) -> NoReturn:
    """Collects the checks, then says so on the line and runs them for each PytestRun that comes there; the
    answer is whether the run ended by itself. Without anything to run it ends."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    _enter(asked)
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(asked.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for ours, standard in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(ours, standard)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    # What lies in the lab's folder cannot stand in for a module of Python's; nothing is left behind there.
    sys.path[:] = [path for path in sys.path if path and not os.path.exists(f"{path}/test_lab.py")]
    sys.dont_write_bytecode = True
    warnings.resetwarnings()
    code = pytest.main([*asked.arguments], plugins=[Runs(line)])
    sys.stdout.flush()
    os._exit(code)


def _enter(asked: PytestRun) -> None:
    os.chdir(asked.folder)
    os.environ.clear()
    os.environ.update(asked.variables)


class Runs:
    """The pytest plugin that, in place of running the checks, has forks run them as often as is asked."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self._forked = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        if self._forked or session.testsfailed or not session.items or grading(session.config).refused:
            return
        os.chdir(os.sep)
        gc.collect()
        gc.freeze()
        self._line.send(None)
        try:
            while True:
                self._line.send(self._ended(session, self._line.recv()))
        except (EOFError, OSError):  # Nobody asks any more.
            os._exit(0)

    def _ended(self, session: pytest.Session, asked: PytestRun) -> bool:
        """Whether the run ended by itself, before its time was over or nobody wanted it any more."""
        process = FORK.Process(target=self._run, args=(session, asked))
        process.start()
        try:
            wait([process.sentinel, self._line], asked.time_limit)
            return process.exitcode is not None
        finally:
            end(process)

    def _run(self, session: pytest.Session, asked: PytestRun) -> NoReturn:
        os.setsid()
        _enter(asked)
        self._forked = True
        try:
            grading(session.config).begin()
            session.config.hook.pytest_runtestloop(session=session)
        finally:
            os._exit(0)
