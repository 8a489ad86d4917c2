"""Running checks in a fork of this process, which has imported what every run of checks needs.

A fork starts as clean as a new Python: nothing that one run imports or changes reaches the next. What it
saves is the half second of importing pytest and the cluster's client.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import sys
import warnings
from importlib import import_module
from typing import NoReturn

from labcheck.grading.run import PytestRun
from labcheck.kube import import_client


def import_ahead() -> None:
    """Imports now what a run of checks would import."""
    from _pytest.config import default_plugins

    for name in default_plugins:
        import_module(f"_pytest.{name}")
    import_module("labcheck.checks.plugin")
    import_client()
    gc.freeze()  # what was imported stays as it is, so that forks go on sharing its memory


def in_fork(asked: PytestRun) -> bool:
    """Runs pytest in a fork; False when it had to be stopped. For processes with a single thread."""
    process = multiprocessing.get_context("fork").Process(target=_run, args=(asked,))
    process.start()
    assert process.pid is not None
    try:
        process.join(asked.time_limit)
        return process.exitcode is not None
    finally:
        # The group of a fork that has not come to make one is ours, so the fork itself is asked as well.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()
        process.close()


def _run(asked: PytestRun) -> NoReturn:
    import pytest

    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.chdir(asked.folder)
    os.environ.clear()
    os.environ.update(asked.variables)
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(asked.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for ours, theirs in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(ours, theirs)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    # What lies in the lab's folder cannot stand in for a module of Python's; nothing is left behind there.
    sys.path[:] = [path for path in sys.path if path and not os.path.exists(f"{path}/test_lab.py")]
    sys.dont_write_bytecode = True
    warnings.resetwarnings()
    # Python's own way to write tracebacks takes a tenth of the time of pytest's.
    code = pytest.main([*asked.arguments, "--tb=native"])
    sys.stdout.flush()
    os._exit(code)
