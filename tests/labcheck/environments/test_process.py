from __future__ import annotations

import os
import shlex
import signal
import sys
from pathlib import Path

import pytest

from labcheck.environments import process

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


def test_a_process_is_known_by_its_command_line(tmp_path: Path) -> None:
    pid = process.start([*SLEEPER, str(tmp_path)], tmp_path / "log")
    try:
        assert process.alive(pid, str(tmp_path))
        assert not process.alive(pid, "another folder")
    finally:
        process.stop(pid, str(tmp_path))
    assert not process.alive(pid, str(tmp_path))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")
def test_a_process_is_known_by_where_it_works(tmp_path: Path) -> None:
    working = (
        f"import os; os.chdir({os.fspath(tmp_path.parent)!r}); os.chdir({tmp_path.name!r}); {SLEEPER[2]}"
    )
    pid = process.start([sys.executable, "-c", working], tmp_path / "log")
    while "up" not in (tmp_path / "log").read_text():
        pass
    assert process.alive(pid, str(tmp_path))
    assert not process.alive(pid, str(tmp_path.parent))
    process.stop(pid, str(tmp_path))
    assert not process.alive(pid, str(tmp_path))


def test_a_pid_that_belongs_to_somebody_else_is_left_alone(tmp_path: Path) -> None:
    process.stop(os.getpid(), str(tmp_path / "nothing of ours"))


def test_a_process_that_will_not_end_is_made_to(tmp_path: Path) -> None:
    pid = process.start([*STUBBORN, str(tmp_path)], tmp_path / "log")
    while "up" not in (tmp_path / "log").read_text():
        pass
    process.stop(pid, str(tmp_path), patience=0.2)
    assert not process.alive(pid, str(tmp_path))


def test_a_process_that_has_ended_is_not_alive(tmp_path: Path) -> None:
    pid = process.start([sys.executable, "-c", "", str(tmp_path)], tmp_path / "log")
    while process.alive(pid, str(tmp_path)):
        pass
    process.stop(pid, str(tmp_path))


def test_what_it_says_is_in_its_log(tmp_path: Path) -> None:
    pid = process.start([sys.executable, "-c", "raise SystemExit('why')", str(tmp_path)], tmp_path / "log")
    while process.alive(pid, str(tmp_path)):
        pass
    assert "why" in (tmp_path / "log").read_text()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")
def test_whatever_has_the_mark_is_ended_though_its_parent_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABCHECK_MARK", str(tmp_path))
    orphans = f"({shlex.join(SLEEPER)} & setsid {shlex.join(STUBBORN)} & wait) & wait"
    parent = process.start(["sh", "-c", orphans], tmp_path / "log")
    while (tmp_path / "log").read_text().count("up") < 2:
        pass
    os.kill(parent, signal.SIGKILL)
    monkeypatch.delenv("LABCHECK_MARK")
    process.stop_marked(f"LABCHECK_MARK={tmp_path}", patience=0.2)
    assert process.marked(f"LABCHECK_MARK={tmp_path}") == []
