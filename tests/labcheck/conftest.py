"""A sound lab to break, a state folder to work in, and a stand-in for the embedded cluster."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from labcheck.environments import embedded, lifecycle
from labcheck.environments.state import StateFolder
from labcheck.kube import ExecTimeout, Shell, StreamEnded
from labcheck.kube.stream import STATUS, STDOUT, Stream

collect_ignore = ["labs"]

LAB = """\
id: lab-07-sample
title: A sample
domain: Traffic Management
level: guided
minutes: 5
objectives: [Learn something.]
environment:
  istio: none
  providers: [embedded]
  namespace: "{{ namespace }}"
params:
  namespace: [red, green, blue, white]
  share: [10, 20]
probes:
  client: {namespace: "{{ namespace }}", pod: client}
tasks:
  - id: first
    title: The namespace {{ namespace }} is there
    points: 2
    hints: [Look around., "It is called {{ namespace }}."]
    docs: https://example.org/
  - id: second
    title: It holds something
    points: 3
    needs: [first]
"""

CHECKS = '''\
from labcheck.checks import task


@task("first")
def test_first(expect):
    """The namespace is there."""
    expect.note("seen")


@task("second")
def test_second(expect):
    """It holds something."""
    expect.equal("the number", observed=1, expected=2, why="One is missing.", next="kubectl get all")
'''

FILES = {
    "lab.yaml": LAB,
    "guide.md": "Work in `{{ namespace }}`.\n\n```sh run\necho {{ namespace }}\n```\n",
    "solution.md": "```sh run\necho this solves the lab\n```\n",
    "mistakes/wrong.md": "---\nloses: [second]\nwhy: Easily overlooked.\n---\n```sh run\necho wrong\n```\n",
    "mistakes/nothing.md": (
        "---\nloses: [first, second]\nwhy: One hopes.\n---\n```sh run\necho nothing\n```\n"
    ),
    "setup/10-namespace.yaml": (
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {{ namespace }}\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: client\n  namespace: {{ namespace }}\n"
        "spec:\n  containers:\n    - {name: curl, image: curl}\n"
    ),
    "test_lab.py": CHECKS,
}

MakeLab = Callable[..., Path]


@pytest.fixture
def make_lab(tmp_path: Path) -> MakeLab:
    """Writes the sample lab with some of its files replaced (or left out, by None); returns its folder."""

    def make(files: Mapping[str, str | None] = {}, name: str = "lab-07-sample") -> Path:
        folder = tmp_path / "labs" / name
        for path, text in {**FILES, **files}.items():
            if text is not None:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text, encoding="utf-8")
        return folder

    return make


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's own is read or written."""
    monkeypatch.setenv("LABCHECK_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_STATE_HOME", "LABCHECK_LABS", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


@pytest.fixture
def controls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts the fake cluster in the embedded one's place; files in this folder tell it what to do wrong."""
    folder = tmp_path / "controls"
    folder.mkdir()
    monkeypatch.setenv("FAKE_CONTROLS", str(folder))
    fake = Path(__file__).parent / "fake_cluster.py"
    monkeypatch.setattr(embedded, "PROGRAM", (sys.executable, str(fake)))
    return folder


@pytest.fixture
def state(tmp_path: Path, controls: Path) -> Iterator[StateFolder]:
    """The state folder; what still runs in it is ended after the test."""
    folder = StateFolder(tmp_path / "state")
    yield folder
    for environment in folder.environments():
        lifecycle.down(folder, environment.path.name)


SHELLS = [
    pytest.param([path], id=name)
    for name in ("sh", "bash", "dash")
    if (path := shutil.which(name)) is not None
] + ([pytest.param([box, "sh"], id="busybox")] if (box := shutil.which("busybox")) else [])


class LocalStream(Stream):
    """The streams of a program on this machine, as those of one in a pod."""

    def __init__(self, argv: Sequence[str], folder: Path) -> None:
        pipe = subprocess.PIPE
        path = {"PATH": f"{folder}:{os.environ['PATH']}"}
        # Without a buffer nothing is left to be written to one that is gone when it is closed.
        self.process = subprocess.Popen(
            argv, 0, stdin=pipe, stdout=pipe, cwd=folder, env=path, start_new_session=True
        )
        self.sent: list[str] = []
        self._told = False

    def send(self, data: bytes) -> None:
        assert self.process.stdin
        self.sent.append(data.decode())
        try:
            self.process.stdin.write(data)
        except BrokenPipeError as error:
            raise StreamEnded("gone") from error

    def receive(self, deadline: float) -> tuple[int, bytes]:
        assert self.process.stdout
        if not select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
            raise ExecTimeout("too long")
        if data := os.read(self.process.stdout.fileno(), 65536):
            return STDOUT, data
        if self._told:
            raise StreamEnded("gone")
        self._told = True
        code = self.process.wait()
        cause = f'{{"reason": "ExitCode", "message": "{code if code >= 0 else 128 - code}"}}'
        return STATUS, f'{{"status": "Failure", "details": {{"causes": [{cause}]}}}}'.encode()

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with self.process:
            pass


class LocalPod:
    """In place of a cluster: its only pod is this machine, with a curl of the test's making."""

    def __init__(self, folder: Path, argv: Sequence[str]) -> None:
        self.folder = folder
        self.streams: list[LocalStream] = []
        self._argv = argv

    def curl(self, script: str) -> None:
        (self.folder / "curl").write_text(f"#!/bin/sh\n{script}\n")
        (self.folder / "curl").chmod(0o755)

    def shell(self, namespace: str = "", pod: str = "", container: str | None = None) -> Shell:
        self.streams.append(LocalStream(self._argv, self.folder))
        return Shell(self.streams[-1])

    @property
    def sent(self) -> list[str]:
        """What was sent to all shells."""
        return [line for stream in self.streams for line in stream.sent]


@pytest.fixture(params=SHELLS)
def local_pod(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalPod]:
    pod = LocalPod(tmp_path, request.param)
    yield pod
    for stream in pod.streams:
        stream.close()
