"""Carrying out the blocks of a page as a learner would: bash, the real kubectl, the learner's kubeconfig.

Each block is a bash of its own with `-e`, so that a page cannot rely on anything but the cluster.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from labcheck import programs
from labcheck.environments.state import EnvironmentFolder
from labcheck.errors import LabcheckError
from labcheck.lab.blocks import Block
from labcheck.lab.pages import Page

BLOCK_TIMEOUT = 180.0


class BlockFailed(LabcheckError):
    """A block of a page did not end with 0."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Ran:
    """One block that was carried out."""

    block: Block
    output: str


def replay(
    page: Page,
    folder: EnvironmentFolder,
    show: Callable[[str], None] = lambda text: None,
    timeout: float = BLOCK_TIMEOUT,
) -> list[Ran]:
    """Carries out the page's blocks in order, showing each with its output as it comes.

    Raises BlockFailed for the first one that fails, and EnvironmentTrouble without bash or kubectl.
    """
    programs.require("bash", "kubectl")
    return [_run(page, block, folder, show, timeout) for block in page.runs]


def _run(
    page: Page, block: Block, folder: EnvironmentFolder, show: Callable[[str], None], timeout: float
) -> Ran:
    show(textwrap.indent(block.text.strip("\n"), "    ") + "\n")
    heard: list[str] = []
    with tempfile.TemporaryDirectory(prefix="labcheck-") as scratch:
        process = subprocess.Popen(
            ["bash", "-e", "-c", block.text],
            cwd=scratch,
            env=os.environ | folder.variables(),
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
