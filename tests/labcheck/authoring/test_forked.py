from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labcheck.authoring.forked import Forks
from labcheck.authoring.residue import processes
from labcheck.grading.run import PytestRun, grade, in_python_of_its_own
from labcheck.lab.load import load
from labcheck.lab.variant import variant

MakeLab = Callable[..., Path]
Launch = Callable[[PytestRun], bool]


@pytest.fixture
def forks() -> Iterator[Forks]:
    made = Forks()
    yield made
    made.close()


@pytest.mark.parametrize("forked", [True, False], ids=["in a fork", "in a Python of its own"])
def test_both_ways_to_run_checks_find_the_same(
    make_lab: MakeLab, tmp_path: Path, forks: Forks, forked: bool
) -> None:
    launch: Launch = forks if forked else in_python_of_its_own
    report = grade(variant(load(make_lab()), 1), tmp_path / "kubeconfig", "embedded", 0.0, launch=launch)
    assert [str(task.outcome) for task in report.tasks] == ["pass", "fail"]


def test_one_run_leaves_nothing_to_the_next(make_lab: MakeLab, tmp_path: Path, forks: Forks) -> None:
    text = (make_lab() / "test_lab.py").read_text() + (
        "\nimport os, sys\nassert 'leftover' not in sys.modules and 'LEFTOVER' not in os.environ\n"
        "sys.modules['leftover'] = os\nos.environ['LEFTOVER'] = os.getcwd()\nprint('noise')\n"
    )
    made = variant(load(make_lab({"test_lab.py": text})), 1)
    here = Path.cwd()
    for _ in range(2):
        grade(made, tmp_path / "kubeconfig", "embedded", 0.0, launch=forks)
    assert "leftover" not in sys.modules
    assert "LEFTOVER" not in os.environ
    assert Path.cwd() == here
    assert not list(made.folder.rglob("*.pyc"))


def test_a_run_that_hangs_is_stopped_with_what_it_started(
    make_lab: MakeLab, tmp_path: Path, forks: Forks
) -> None:
    text = (
        (make_lab() / "test_lab.py")
        .read_text()
        .replace(
            'expect.note("seen")',
            f"import subprocess\n    subprocess.run(['sh', '-c', 'sleep 60; true', '{tmp_path}/marked'])",
        )
    )
    made = variant(load(make_lab({"test_lab.py": text})), 1)
    report = grade(made, tmp_path / "kubeconfig", "embedded", 0.0, time_limit=2.0, launch=forks)
    assert [str(task.outcome) for task in report.tasks] == ["ungradable", "blocked"]
    deadline = time.monotonic() + 10
    while processes(tmp_path / "marked") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert processes(tmp_path / "marked") == []
