"""Ways to run pytest over a lab's checks, in a process group that can be killed as a whole.

Nothing of the user's pytest reaches it: no configuration, no plugins, no options from the environment. What
it prints and its exit code are ours to read, never the learner's.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

_PLUGIN = "labcheck.checks.plugin"
# Parts of pytest that a grading has no use for, and that no check can tell: each costs its import and its
# setup, and the one for unraisable exceptions several collections of all garbage at the end.
_WITHOUT = (
    *("cacheprovider", "debugging", "doctest", "faulthandler", "junitxml", "legacypath", "pastebin"),
    *("setuponly", "setupplan", "stepwise", "subtests", "threadexception", "unraisableexception"),
)


@dataclass(frozen=True, slots=True)
class PytestRun:
    """One run of pytest: its arguments, where it runs, its environment and where its output goes."""

    arguments: tuple[str, ...]
    folder: Path
    variables: Mapping[str, str]
    output: Path
    time_limit: float


def pytest_run(lab: Path, scratch: Path, kubeconfig: Path, context: Path, time_limit: float) -> PytestRun:
    """The run over the checks in the folder `lab`. It works in `scratch`, where litter does no harm."""
    from labcheck.checks.context import CONTEXT  # what Ahead does not wait for before it starts a Python

    options = [f"--rootdir={lab}", f"--confcutdir={lab}", "-c", os.devnull, "--import-mode=importlib"]
    without = [word for name in _WITHOUT for word in ("-p", f"no:{name}")]
    arguments = (*options, *without, "-p", _PLUGIN, "-q", "--disable-warnings", str(lab / "test_lab.py"))
    environment = variables(os.environ, kubeconfig) | {CONTEXT: str(context)}
    return PytestRun(arguments, scratch, environment, scratch / "output", time_limit)


def variables(outer: Mapping[str, str], kubeconfig: Path) -> dict[str, str]:
    """The environment that checks run in."""
    kept = {name: value for name, value in outer.items() if not name.startswith("PYTEST_")}
    return kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "KUBECONFIG": str(kubeconfig)}


def in_python_of_its_own(asked: PytestRun) -> bool:
    """Runs pytest in a new Python; False when it had to be stopped."""
    with Ahead() as ahead:
        return ahead(asked)


class Ahead:
    """A Python that already imports what checks need, while whoever made it finds out what to run.

    It is good for one run; with `again`, the next one is started as soon as a run is over.
    """

    def __init__(self, *, again: bool = False) -> None:
        self._again = again
        self._process = _start()
        self._used = False

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *raised: object) -> None:
        self._kill()

    def __call__(self, asked: PytestRun) -> bool:
        """Runs pytest; False when it had to be stopped."""
        if self._used:
            self._process = _start()
        self._used = True
        order = json.dumps({**asdict(asked), "folder": str(asked.folder), "output": str(asked.output)})
        try:
            _, trouble = self._process.communicate(order.encode(), asked.time_limit)
        except subprocess.TimeoutExpired:
            return False
        finally:
            self._kill()
            if self._again:
                self._process, self._used = _start(), False
        if trouble:
            with asked.output.open("ab") as output:
                output.write(trouble)
        return True

    def _kill(self) -> None:
        # PermissionError: on macOS, when only zombies are left of the group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def _start() -> subprocess.Popen[bytes]:
    # -P: what lies in the lab's folder cannot stand in for a module of Python's; -B: nothing is left behind
    # there.
    return subprocess.Popen(
        [sys.executable, "-P", "-B", "-m", "labcheck.checks"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
