"""What the tests of several rooms need: the product's own server as a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

# A job in the background is born deaf to Ctrl-C, and so is all that it starts; some tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

PATIENCE = 30.0
Serving = Callable[[Path, str], AbstractContextManager[Path]]


@contextmanager
def _serving(directory: Path, istio: str) -> Iterator[Path]:
    state, log = directory / "state", directory / "log"
    command = [sys.executable, "-m", "pocketmesh", "serve", "--state", str(state), "--istio", istio]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            until = time.monotonic() + PATIENCE
            while not (state / "kubeconfig").exists():
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < until, f"no cluster in {PATIENCE} s: {log.read_text()}"
                time.sleep(0.01)
            yield state / "kubeconfig"
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def serving() -> Serving:
    """Runs a cluster below a directory, with Istio ("ambient") or without ("none"), as long as a block; the
    block is given its kubeconfig."""
    return _serving
