"""Pytest in a Python that was started before anybody knew what to run."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from labcheck.grading.launch import Ahead, PytestRun, variables


def version(folder: Path, name: str = "output", time_limit: float = 60) -> PytestRun:
    return PytestRun(("--version",), folder, variables(os.environ, Path("/k")), folder / name, time_limit)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("again", [False, True], ids=["when asked", "at once"])
def test_each_run_has_a_python_of_its_own(tmp_path: Path, again: bool) -> None:
    with Ahead(again=again) as ahead:
        for name in ("first", "second"):
            assert ahead(version(tmp_path, name))
            assert (tmp_path / name).read_text() == f"pytest {pytest.__version__}\n"


def test_a_python_that_was_not_needed_is_gone(tmp_path: Path) -> None:
    with Ahead(again=True) as ahead:
        ahead(version(tmp_path))
        waiting = ahead._process.pid
        assert running(waiting)
    assert not running(waiting)


def test_a_run_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "test_slow.py").write_text("import time\ntime.sleep(60)\n")
    asked = PytestRun(
        ("-c", os.devnull, str(tmp_path / "test_slow.py")),
        tmp_path,
        dict(os.environ),
        tmp_path / "output",
        1.5,
    )
    started = time.monotonic()
    with Ahead() as ahead:
        assert not ahead(asked)
    assert time.monotonic() - started < 30


def test_a_python_that_cannot_run_pytest_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pytest.py").write_text("raise ImportError('no pytest here')\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    with Ahead() as ahead:
        ahead(version(tmp_path))
    assert "no pytest here" in (tmp_path / "output").read_text()
