from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from labcheck.checks.differences import Difference
from labcheck.checks.verdict import Evidence, Outcome, Part, Tampering
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
    lines = printed(REPORT, 80).splitlines()
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


def test_where_it_is_narrow_evidence_stands_under_the_outcome() -> None:
    lines = printed(REPORT, 60).splitlines()
    assert lines[:7] == [
        "lab-03-waypoint  A waypoint" + " " * 18 + "2/8  ungradable",
        "  pass        2/2  The claim of a  3 of 3",
        "  fail        0/2  The claim of b",
        "    expected  weights: v2=10",
        "    observed  v2=30",
        "    why       It was copied.",
        "    next      kubectl get httproute",
    ]


def test_differences_parts_tampering_and_prices_are_shown() -> None:
    found = (Difference("spec.rules[0]", "present", "absent"),)
    report = replace(
        REPORT,
        gave_up=True,
        tampering=(Tampering("Service n/s", ("c", "d"), found),),
        tasks=(
            replace(REPORT.tasks[0], deducted=1, score=1),
            replace(
                REPORT.tasks[1],
                parts=(Part(1, "the route is attached"),),
                evidence=Evidence("as asked", "1 field differs", differences=found),
            ),
        ),
    )
    assert printed(report, 80).splitlines()[1:] == [
        "  changed          Service n/s is not as the lab set it up  costs: c, d",
        "                   changed   spec.rules[0]: present expected, absent observed",
        "  pass        1/2  The claim of a  3 of 3; 1 less for hints",
        "  fail        0/2  The claim of b",
        "                   expected  as asked",
        "                   observed  1 field differs",
        "                             spec.rules[0]: present expected, absent observed",
        "                   kept      1 for: the route is attached",
        "",
        "Graded in 1.2 s.  A hint: labcheck hint lab-03",
        "The solution was opened before.",
    ]


@pytest.mark.parametrize("color", [False, True], ids=["plain", "coloured"])
@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_no_line_is_too_long_or_ends_with_blanks(width: int, color: bool) -> None:
    lines = printed(REPORT, width, color=color).splitlines()
    assert all(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= width for line in lines)
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("width", [60, 100])
def test_no_width_loses_anything(width: int) -> None:
    text = " ".join(printed(REPORT, width).split())
    for part in ("2/8", "The claim of b", "weights: v2=10", "It was copied."):
        assert part in text


def test_colour_only_where_it_is_wanted() -> None:
    assert "\x1b[" not in printed(REPORT, 80)
    assert "\x1b[" in printed(REPORT, 80, color=True)
