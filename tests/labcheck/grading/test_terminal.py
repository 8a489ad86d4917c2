from __future__ import annotations

import io

import pytest
from rich.console import Console

from labcheck.checks.verdict import Evidence, Outcome
from labcheck.grading.report import Report, TaskResult
from labcheck.grading.terminal import show


def result(task: str, outcome: Outcome, evidence: Evidence = Evidence(), **fields: object) -> TaskResult:  # noqa: B008
    values = {"notes": (), "where": "", "docs": (), "seconds": 0.1, "claim": f"The claim of {task}", **fields}
    score = 2 if outcome is Outcome.PASS else 0
    return TaskResult(
        id=task, title=task, points=2, score=score, outcome=outcome, evidence=evidence, **values
    )  # type: ignore[arg-type]


REPORT = Report(
    lab="lab-03-waypoint",
    title="A waypoint",
    seed=1,
    provider="embedded",
    seconds=1.2,
    tasks=(
        result("a", Outcome.PASS, notes=("3 of 3",)),
        result(
            "b", Outcome.FAIL, Evidence("weights: v2=10", "v2=30", "It was copied.", "kubectl get httproute")
        ),
        result("c", Outcome.BLOCKED, Evidence(why="needs: b", next="labcheck hint lab-03 b")),
        result("d", Outcome.UNGRADABLE, Evidence(observed="The pod is gone."), where="test_lab.py:7"),
    ),
)


def printed(report: Report, width: int, *, color: bool = False) -> str:
    out = io.StringIO()
    show(
        report,
        Console(
            file=out,
            width=width,
            force_terminal=color,
            color_system="standard" if color else None,
            highlight=False,
        ),
        "lab-03",
    )
    return out.getvalue()


def test_a_report_is_one_line_a_task_with_evidence_below() -> None:
    lines = [line.rstrip() for line in printed(REPORT, 80).splitlines()]
    assert lines[:12] == [
        "lab-03-waypoint  A waypoint" + " " * 38 + "2/8  ungradable",
        "  pass        2/2  The claim of a  3 of 3",
        "  fail        0/2  The claim of b",
        "                   expected  weights: v2=10",
        "                   observed  v2=30",
        "                   why       It was copied.",
        "                   next      kubectl get httproute",
        "  blocked     0/2  The claim of c  needs: b",
        "                   next      labcheck hint lab-03 b",
        "  ungradable  0/2  The claim of d",
        "                   observed  The pod is gone.",
        "                   check     test_lab.py:7",
    ]
    assert " ".join(lines[13:]).startswith("What is ungradable costs nothing")


@pytest.mark.parametrize("width", [40, 60, 100])
def test_no_width_loses_anything(width: int) -> None:
    text = " ".join(printed(REPORT, width).split())
    for part in ("2/8", "The claim of b", "weights: v2=10", "It was copied."):
        assert part in text or width == 40
    assert max(len(line) for line in printed(REPORT, width).splitlines()) <= width


def test_colour_only_where_it_is_wanted() -> None:
    assert "\x1b[" not in printed(REPORT, 80)
    assert "\x1b[" in printed(REPORT, 80, color=True)
