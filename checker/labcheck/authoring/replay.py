"""Carrying out the blocks of a page as a learner would: bash, the real kubectl, the learner's kubeconfig.

Each block is a bash of its own with `-e`, so that a page cannot rely on anything but the cluster. `labcheck`
in a block is that of this Python, and finds the environment that the page is carried out in.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from labcheck import programs
from labcheck.environments.state import EnvironmentFolder
from labcheck.errors import LabcheckError
from labcheck.lab.blocks import Block
from labcheck.lab.pages import Page

BLOCK_TIMEOUT = 180.0
_TRACE = re.compile(r"^\s*labcheck\s+trace\b", re.MULTILINE)
_BRIEF = {"GOGC": "off", "GOMAXPROCS": "1"}
"""kubectl ends long before its garbage matters: not collecting it saves a sixth of its time. Nor does it have
work for two processors at once, and waking the other one up takes another sixth."""


class BlockFailed(LabcheckError):
    """A block of a page did not end with 0."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Ran:
    """One block that was carried out."""

    block: Block
    output: str


def traced(page: Page) -> tuple[Block, ...]:
    """The blocks that follow a request with `labcheck trace`, which not every cluster can tell."""
    return tuple(block for block in page.runs if _TRACE.search(block.text))


def replay(
    page: Page,
    folder: EnvironmentFolder,
    show: Callable[[str], None] = lambda text: None,
    timeout: float = BLOCK_TIMEOUT,
    *,
    traces: bool = True,
) -> list[Ran]:
    """Carries out the page's blocks in order, showing each with its output as it comes.

    Blocks that follow a request are left out where the cluster does not tell its way (`traces`).
    Raises BlockFailed for the first one that fails, and EnvironmentTrouble without bash or kubectl.
    """
    programs.require("bash", "kubectl")
    left_out = () if traces else traced(page)
    with _variables(folder) as variables:
        return [_run(page, block, variables, show, timeout) for block in page.runs if block not in left_out]


@contextmanager
def _variables(folder: EnvironmentFolder) -> Iterator[Mapping[str, str]]:
    """What a block has in its environment; this very labcheck comes first on its PATH."""
    variables = _BRIEF | os.environ | folder.variables()
    with tempfile.TemporaryDirectory(prefix="labcheck-") as place:
        script = Path(place, "labcheck")
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m labcheck "$@"\n')
        script.chmod(0o700)
        yield variables | {"PATH": f"{place}{os.pathsep}{variables.get('PATH', os.defpath)}"}


def _run(
    page: Page, block: Block, variables: Mapping[str, str], show: Callable[[str], None], timeout: float
) -> Ran:
    show(textwrap.indent(block.text.strip("\n"), "    ") + "\n")
    heard: list[str] = []
    with tempfile.TemporaryDirectory(prefix="labcheck-") as scratch:
        process = subprocess.Popen(
            ["bash", "-e", "-c", block.text],
            cwd=scratch,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        stopper = _Stopper(process, timeout)
        try:
            assert process.stdout is not None
            for line in process.stdout:
                heard.append(line)
                show(line)
            code = process.wait()
        finally:
            stopper.close()
    output = "".join(heard)
    if code or stopper.fired:
        fact = f"did not end within {timeout:g} s" if stopper.fired else f"ended with {code}"
        raise BlockFailed(f"{page.path}:{block.line}: This block {fact}.", evidence=output.strip()[-1000:])
    return Ran(block, output)


class _Stopper:
    """Kills a process group when its time is over, or when we leave without it having ended."""

    def __init__(self, process: subprocess.Popen[str], timeout: float) -> None:
        import threading

        self.fired = False
        self._process = process
        self._timer = threading.Timer(timeout, self._fire)
        self._timer.daemon = True
        self._timer.start()

    def _fire(self) -> None:
        self.fired = True
        self._kill()

    def _kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        self._timer.cancel()
        self._timer.join()  # a process that still has a second thread must not be forked
        self._kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
