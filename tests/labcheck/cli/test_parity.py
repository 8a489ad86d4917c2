"""scripts/parity, on what `labcheck verify --json` prints of two providers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

PARITY = Path(__file__).parents[3] / "scripts" / "parity"


def proof(what: str = "solution", problem: str = "", lab: str = "lab-03", **more: Any) -> dict[str, Any]:
    tasks = {"enrolled": "pass", "split": "pass"}
    return {"lab": lab, "seed": 1, "what": what, "problem": problem, "skipped": "", "tasks": tasks} | more


@pytest.fixture
def beside(tmp_path: Path) -> Any:
    """Compares two lists of proofs: the exit code, and the lines."""

    def compare(*sides: list[dict[str, Any]]) -> tuple[int, list[str]]:
        files = [tmp_path / "embedded.json", tmp_path / "kind.json"]
        for file, proofs in zip(files, sides, strict=True):
            file.write_text(json.dumps(proofs))
        done = subprocess.run([PARITY, *files], capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()

    return compare


def test_what_is_judged_alike_is_listed_and_no_difference(beside: Any) -> None:
    code, lines = beside([proof()], [proof()])
    assert code == 0
    assert "3 outcomes compared, 0 differ." in lines
    assert "## Where they differ" not in lines
    assert "| lab-03 | 1 | solution | split | pass | pass |" in lines


def test_a_task_that_is_judged_differently_comes_first(beside: Any) -> None:
    lost = proof(
        problem="loses split: expected 1|2,\nobserved 3", tasks={"enrolled": "pass", "split": "fail"}
    )
    code, lines = beside([proof()], [lost])
    assert code == 1
    differing = lines[lines.index("## Where they differ") : lines.index("## Everything")]
    assert "| lab-03 | 1 | solution | split | pass | fail |" in differing
    assert (
        "| lab-03 | 1 | solution | (the trial) | well | loses split: expected 1\\|2,<br>observed 3 |"
        in differing
    )
    assert not any("enrolled" in line for line in differing)


@pytest.mark.parametrize("differs", [proof("mistake x"), proof(skipped="no helm on PATH", tasks={})])
def test_what_only_one_has_tried_differs(beside: Any, differs: dict[str, Any]) -> None:
    code, lines = beside([proof()], [differs])
    assert code == 1
    assert any("not tried" in line for line in lines)


def test_a_lab_that_does_not_run_there_is_named_and_no_difference(beside: Any) -> None:
    skipped = proof("trials", lab="lab-05", seed=0, skipped="it runs on embedded only", tasks={})
    code, lines = beside([proof(), proof(lab="lab-05")], [proof(), skipped])
    assert code == 0
    assert "Only on embedded: lab-05." in lines


def test_two_that_are_wrong_in_other_words_are_alike(beside: Any) -> None:
    assert beside([proof(problem="loses a")], [proof(problem="loses a: 3 of 10")])[0] == 0
