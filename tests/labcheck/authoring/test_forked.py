from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labcheck.authoring.forked import Forks
from labcheck.authoring.residue import processes
from labcheck.errors import AuthorError
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


def test_the_checks_are_read_once(make_lab: MakeLab, tmp_path: Path, forks: Forks) -> None:
    text = (
        make_lab() / "test_lab.py"
    ).read_text() + f"\nopen({str(tmp_path / 'read')!r}, 'a').write('once')\n"
    made = variant(load(make_lab({"test_lab.py": text})), 1)
    for _ in range(3):
        report = grade(made, tmp_path / "kubeconfig", "embedded", 0.0, launch=forks)
        assert [str(task.outcome) for task in report.tasks] == ["pass", "fail"]
    assert (tmp_path / "read").read_text() == "once"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("__import__('os').killpg(0, 9)", id="its group"),
        pytest.param("__import__('os').environ.clear(); __import__('sys').exit(1)", id="itself"),
    ],
)
def test_a_check_that_takes_its_process_along_costs_its_own_verdict(
    make_lab: MakeLab, tmp_path: Path, forks: Forks, body: str
) -> None:
    text = (make_lab() / "test_lab.py").read_text().replace('expect.note("seen")', body)
    lab = (make_lab() / "lab.yaml").read_text().replace("    needs: [first]\n", "")
    made = variant(load(make_lab({"test_lab.py": text, "lab.yaml": lab})), 1)
    for _ in range(2):
        report = grade(made, tmp_path / "kubeconfig", "embedded", 0.0, launch=forks)
        assert [str(task.outcome) for task in report.tasks] == ["ungradable", "fail"]


def test_checks_that_are_wrong_are_refused_each_time(make_lab: MakeLab, tmp_path: Path, forks: Forks) -> None:
    made = variant(load(make_lab({"test_lab.py": "import nothing_like_this\n"})), 1)
    for _ in range(2):
        with pytest.raises(AuthorError, match="cannot be loaded"):
            grade(made, tmp_path / "kubeconfig", "embedded", 0.0, launch=forks)


def test_checks_that_are_never_read_are_refused(make_lab: MakeLab, tmp_path: Path, forks: Forks) -> None:
    made = variant(load(make_lab({"test_lab.py": "import time\ntime.sleep(60)\n"})), 1)
    with pytest.raises(AuthorError, match="It was not read within 1 s"):
        grade(made, tmp_path / "kubeconfig", "embedded", 0.0, time_limit=1.0, launch=forks)


def test_nothing_is_left_when_nobody_asks_any_more(make_lab: MakeLab, tmp_path: Path) -> None:
    forks = Forks()
    grade(variant(load(make_lab()), 1), tmp_path / "kubeconfig", "embedded", 0.0, launch=forks)
    waiting = multiprocessing.active_children()
    forks.close()
    assert waiting
    assert not multiprocessing.active_children()


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
