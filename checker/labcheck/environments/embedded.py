"""The embedded provider: one `pocketmesh` process for each environment, spoken to like any cluster.

It is started as a program, never imported, and found again through its folder.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.environments import process
from labcheck.environments.provider import Progress, silent
from labcheck.errors import EnvironmentTrouble
from labcheck.kube import Cluster, connect
from labcheck.kube.connection import Object

if TYPE_CHECKING:
    from labcheck.environments.forkserver import ForkServer
    from labcheck.lab.variant import Variant

PROGRAM = (sys.executable, "-P", "-m", "pocketmesh")
_LOG_TAIL = 5
_SNAPSHOTS = "/pocketmesh/v1/snapshots/"
_CONVERGENCE = "/pocketmesh/v1/convergence"
_OBJECTS = "/pocketmesh/v1/objects"
_BREATH = 0.1
"""Seconds between two looks for the process itself, each of which costs more than many for its file."""
_UNSURE = 0.5
"""Seconds of patience where the cluster does not say that it has followed."""
_LITTLE = 8_000_000
"""Bytes; a cluster with a solved lab takes about half of that."""


class Embedded:
    """Clusters that are processes. `program` serves one when told `serve --state DIR --istio MODE`."""

    name = "embedded"
    patience = 0.1
    """Seconds, after the cluster has said that it has followed every change: for what nobody has asked it to
    follow, such as a command that the learner runs beside the grading, or an endpoint that a check's own
    requests took out of use."""
    traces = True
    prefix = ""
    light = True
    exact = True
    shared = False
    setup_timeout = 20.0

    def __init__(
        self, program: Sequence[str] = (), timeout: float = 60.0, server: ForkServer | None = None
    ) -> None:
        self._program = tuple(program or PROGRAM)
        self._timeout = timeout
        self._server = server

    @contextmanager
    def many(self, scratch: Path) -> Iterator[Embedded]:
        if not Path("/proc/self").exists():  # as on macOS, where forks could not be told from each other
            yield self
            return
        from labcheck.environments.forkserver import ForkServer

        try:
            server = ForkServer([*self._program, "forkserver"], scratch / "log")
        except OSError as error:
            raise _not_started(error) from error
        with closing(server):
            yield Embedded(self._program, self._timeout, server)

    def start(self, folder: Path, variant: Variant) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Written last by the daemon; one from an earlier run would be taken for ready.
            (folder / "kubeconfig").unlink(missing_ok=True)
            arguments = ["serve", "--state", str(folder), "--istio", variant.lab.environment.istio]
            if self._server:
                pid = self._server.start(arguments, folder, folder / "log")
            else:
                pid = process.start([*self._program, *arguments], folder / "log")
            (folder / "started").write_text(str(pid), encoding="utf-8")
        except OSError as error:
            raise _not_started(error) from error

    def wait(self, folder: Path, progress: Progress = silent) -> Path:
        kubeconfig = folder / "kubeconfig"
        deadline = time.monotonic() + self._timeout
        while not _appears(kubeconfig, _BREATH):
            if not self.running(folder):
                raise self._ended(folder, "The embedded cluster ended before it was ready.")
            if time.monotonic() > deadline:
                raise self._ended(folder, f"The embedded cluster is not ready after {self._timeout:g} s.")
        return kubeconfig

    def running(self, folder: Path) -> bool:
        return any(process.alive(pid, str(folder)) for pid in _pids(folder))

    def gone(self, folder: Path) -> bool:
        return False

    def stop(self, folder: Path) -> None:
        for pid in _pids(folder):
            process.stop(pid, str(folder))

    def abandon(self, folder: Path) -> bool:
        self.stop(folder)
        return False

    def snapshot(self, folder: Path, cluster: Cluster, name: str) -> None:
        cluster.connection.request("POST", f"{_SNAPSHOTS}{name}")

    def restore(self, folder: Path, cluster: Cluster, name: str) -> None:
        cluster.connection.request("POST", f"{_SNAPSHOTS}{name}/restore")

    def everything(self, cluster: Cluster) -> Iterable[Object]:
        found: list[Object] = cluster.connection.request("GET", _OBJECTS)["items"]
        return found

    def converge(self, folder: Path, over: Cluster | None = None) -> float:
        try:
            with nullcontext(over) if over else connect(folder / "kubeconfig") as cluster:
                answer = cluster.connection.request("POST", _CONVERGENCE)
        except EnvironmentTrouble:
            return _UNSURE  # that it does not answer is for the checks to meet and report
        return self.patience if answer.get("converged") else _UNSURE

    def logs(self, folder: Path) -> Path:
        return folder / "log"

    @staticmethod
    def _ended(folder: Path, fact: str) -> EnvironmentTrouble:
        tail = _tail(folder / "log")
        if shutil.disk_usage(folder).free < _LITTLE:
            # A daemon on a full disk has no room left to say so in its log.
            tail = f"No space is left on the disk of {folder}.\n{tail}".strip()
            advice = "Make room, or name another folder: LABCHECK_STATE=DIR labcheck …"
        elif "ModuleNotFoundError" in tail:
            advice = "Install what it needs: pip install 'labcheck[embedded]'"
        else:
            advice = "Run `labcheck doctor`; then `labcheck down` and `labcheck up` again."
        return EnvironmentTrouble(fact, evidence=tail, next_step=advice)


def _not_started(error: OSError) -> EnvironmentTrouble:
    return EnvironmentTrouble(
        "The embedded cluster cannot be started.",
        evidence=f"{error}.",
        next_step="Run `labcheck doctor`.",
    )


def _appears(path: Path, within: float) -> bool:
    """Whether the file is there before so many seconds are over."""
    deadline = time.monotonic() + within
    while not (found := path.exists()) and time.monotonic() < deadline:
        time.sleep(process.POLL)
    return found


def _pids(folder: Path) -> list[int]:
    """Who may be the daemon: the process that we started, and the one that says it serves the folder.

    They differ when the command that started it was killed before it could write down the pid.
    """
    found = []
    for name in ("started", "pid"):
        try:
            found.append(int((folder / name).read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            continue
    return found


def _tail(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-_LOG_TAIL:])
