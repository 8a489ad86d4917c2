from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labcheck.authoring.residue import files, megabytes, processes

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="this machine has no /proc")

WAIT = "import sys; print('here', flush=True); sys.stdin.read()"


@pytest.mark.parametrize("tie", ["arguments", "environment", "working directory"])
def test_a_process_is_found_by_its_folder(tmp_path: Path, tie: str) -> None:
    place = tmp_path / "environment"
    place.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", WAIT, *([str(place)] if tie == "arguments" else [])],
        env=os.environ | ({"TMPDIR": str(place)} if tie == "environment" else {}),
        cwd=place if tie == "working directory" else "/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = processes(place)
        others = processes(tmp_path / "environ")
        weight = megabytes(found)
        child.communicate()
    assert [it.pid for it in found] == [child.pid]
    assert others == []
    assert 1 < weight < 1000
    assert processes(place) == []


def test_a_fork_weighs_what_it_would_alone(tmp_path: Path) -> None:
    forks = f"import os; much = b'x' * 100_000_000; os.fork() and os.wait(); {WAIT}"
    with subprocess.Popen(
        [sys.executable, "-c", forks], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        weights = [megabytes([it]) for it in processes(tmp_path)]
        parent.communicate()
    assert len(weights) == 2
    assert all(100 < it < 150 for it in weights)


def test_files_are_found_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "top" / "a").mkdir(parents=True)
    (tmp_path / "top" / "a" / "b").touch()
    assert {str(path) for path in files(tmp_path / "top")} == {"a", "a/b"}


def test_a_process_that_is_gone_weighs_nothing() -> None:
    assert megabytes([]) == 0
