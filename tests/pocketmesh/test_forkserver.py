"""One process from which others are forked, as programs ask for them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="this machine has no /proc")


class Asking:
    """The other side of the process's standard input."""

    def __init__(self) -> None:
        self.line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-P", "-m", "pocketmesh", "forkserver"]
            self.process = subprocess.Popen(command, stdin=theirs, start_new_session=True)

    def __call__(self, folder: Path, *arguments: str, **variables: str) -> int:
        """The pid of a fork, which appends what it says to a file in its folder."""
        asked = {"arguments": arguments, "directory": str(folder), "variables": variables}
        reading, writing = os.pipe()
        with open(reading) as answer:
            with open(writing, "wb"), (folder / "said").open("ab") as output:
                socket.send_fds(self.line, [json.dumps(asked).encode()], [output.fileno(), writing])
            return int(answer.read())


@pytest.fixture
def ask() -> Iterator[Asking]:
    asking = Asking()
    yield asking
    asking.line.close()
    assert asking.process.wait(20) == 0


def test_a_fork_does_what_its_arguments_say_where_it_is_told(ask: Asking, tmp_path: Path) -> None:
    pid = ask(tmp_path, "charts", "here")
    while Path(f"/proc/{pid}").exists():
        pass
    assert (tmp_path / "here" / "ztunnel" / "Chart.yaml").exists()
    assert "ztunnel" in (tmp_path / "said").read_text()


def test_a_fork_has_the_environment_it_is_given_and_no_other(ask: Asking, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("current-context: only-here\n")
    pid = ask(tmp_path, "istioctl", "version", KUBECONFIG=str(tmp_path / "config"))
    while Path(f"/proc/{pid}").exists():
        pass
    assert "only-here" in (tmp_path / "said").read_text()


def test_a_fork_leads_a_session_of_its_own_and_goes_on_when_nobody_asks_any_more(tmp_path: Path) -> None:
    ask = Asking()
    pid = ask(tmp_path, "serve", "--state", str(tmp_path), "--istio", "none")
    try:
        assert os.getsid(pid) == pid
        ask.line.close()
        assert ask.process.wait(20) == 0
        while not (tmp_path / "kubeconfig").exists():
            assert Path(f"/proc/{pid}").exists(), (tmp_path / "said").read_text()
    finally:
        os.kill(pid, signal.SIGTERM)
    while (tmp_path / "run").exists():
        pass


def test_it_has_no_thread_that_a_fork_would_lack(ask: Asking, tmp_path: Path) -> None:
    ask(tmp_path, "gateway-api")
    assert len(list(Path(f"/proc/{ask.process.pid}/task").iterdir())) == 1
