"""The real daemon as a process, and what it takes to hurt it."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

PATIENCE = 20.0


async def turns() -> None:
    """Some turns of the loop, which transports of TLS need to be closed."""
    for _ in range(5):
        await asyncio.sleep(0)


class Daemon:
    """One `pocketmesh serve` after the other on the same state."""

    def __init__(self, state: Path, istio: str = "none") -> None:
        self.state = state
        self.log = state / "log"
        self.command = [sys.executable, "-P", "-m", "pocketmesh", "serve"]
        self.command += ["--state", str(state), "--istio", istio]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def launch(self, **options: Any) -> subprocess.Popen[bytes]:
        """Starts the process and does not wait for anything."""
        self.state.mkdir(mode=0o700, exist_ok=True)
        (self.state / "kubeconfig").unlink(missing_ok=True)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(self.command, stdout=output, stderr=output, **options)
        return self._process

    def start(self) -> None:
        """Returns when it is ready."""
        process = self.launch()
        until = time.monotonic() + PATIENCE
        while not (self.state / "kubeconfig").exists():
            assert process.poll() is None, self.said()
            assert time.monotonic() < until, self.said()
            time.sleep(0.01)

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> int:
        """As a user does; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE)

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def url(self) -> str:
        return str(self._config()["clusters"][0]["cluster"]["server"])

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def tls(self, *, certified: bool = True) -> ssl.SSLContext:
        """A client's side of TLS, with the administrator's certificate unless told otherwise."""
        config = self._config()
        trusted = base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"])
        context = ssl.create_default_context(cadata=trusted.decode())
        if certified:
            pki = self.state / "pki"
            context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        return context

    @asynccontextmanager
    async def session(
        self, *, tls: ssl.SSLContext | None = None, limit: int = 0
    ) -> AsyncIterator[aiohttp.ClientSession]:
        """A client, the administrator unless told otherwise; `limit` bounds its connections."""
        connector = aiohttp.TCPConnector(ssl=tls or self.tls(), limit=limit)
        timeout = aiohttp.ClientTimeout(60)
        async with aiohttp.ClientSession(self.url, connector=connector, timeout=timeout) as session:
            yield session
        await turns()

    def memory(self, field: str = "Rss") -> int:
        """Bytes of memory."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        (found,) = (line for line in lines if line.startswith(f"{field}:"))
        return int(found.split()[1]) * 1024

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    async def raw(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A TLS connection on which anything may be said."""
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls())

    def _config(self) -> Any:
        return yaml.safe_load((self.state / "kubeconfig").read_text())


@pytest.fixture(scope="session")
def daemon_of() -> Iterator[Callable[[Path, str], Daemon]]:
    """Makes daemons of a state and a mode, `daemon_of(state, "ambient")`, and sees to their end."""
    made: list[Daemon] = []

    def make(state: Path, istio: str) -> Daemon:
        made.append(Daemon(state, istio))
        return made[-1]

    yield make
    for daemon in made:
        daemon.kill()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon of its own, not started yet, for tests that end it."""
    daemon = Daemon(tmp_path / "state")
    yield daemon
    daemon.kill()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that a module's tests share, because it should stand all of them one after the other."""
    daemon = Daemon(tmp_path_factory.mktemp("served") / "state")
    daemon.start()
    yield daemon
    assert daemon.stop() == 0


@pytest.fixture
async def session(served: Daemon) -> AsyncIterator[aiohttp.ClientSession]:
    """The administrator's connections to the shared daemon; a test must leave no traceback in its log."""
    before = len(served.said())
    async with served.session() as session:
        yield session
    said = served.said()[before:]
    assert "Traceback" not in said, said[-4000:]
