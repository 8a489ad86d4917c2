from __future__ import annotations

from dataclasses import replace

import pytest

from labcheck.checks.differences import Difference
from labcheck.checks.verdict import Evidence, Outcome
from labcheck.grading.hinting import computed, first_open
from labcheck.grading.progress import progress
from labcheck.grading.report import Report, TaskResult


def task(name: str, outcome: Outcome, evidence: Evidence = Evidence()) -> TaskResult:  # noqa: B008
    score = 2 * (outcome is Outcome.PASS)
    return TaskResult(name, name, 2, score, outcome, f"Claim of {name}.", evidence, (), "", 0.0, ())


def report(*tasks: TaskResult) -> Report:
    return Report("lab", "Lab", 1, "embedded", tasks, 0.0)


A, B = task("a", Outcome.FAIL), task("b", Outcome.BLOCKED)


@pytest.mark.parametrize(
    ("evidence", "outcome", "text"),
    [
        pytest.param(
            Evidence("the weight: 10", "30", "The secret.", "kubectl get x", "the weight"),
            Outcome.FAIL,
            "Not yet right: the weight.\nNow: 30.\nSee it: kubectl get x",
            id="a claim",
        ),
        pytest.param(
            Evidence("as asked", "1 field", subject="x", differences=(Difference("spec.a", "10", "30"),)),
            Outcome.FAIL,
            "Not yet right: x.\nNow: spec.a is 30.",
            id="differences",
        ),
        pytest.param(
            Evidence("secret", "y"), Outcome.FAIL, "Not yet right: Claim of a.\nNow: y.", id="no subject"
        ),
        pytest.param(Evidence(why="needs: b"), Outcome.BLOCKED, "It waits (needs: b).", id="blocked"),
        pytest.param(
            Evidence(observed="Gone."),
            Outcome.UNGRADABLE,
            "It could not be looked at: Gone.",
            id="ungradable",
        ),
        pytest.param(Evidence(), Outcome.PASS, "", id="passed"),
    ],
)
def test_a_hint_is_computed_without_what_was_expected(
    evidence: Evidence, outcome: Outcome, text: str
) -> None:
    assert computed(task("a", outcome, evidence)) == text


@pytest.mark.parametrize(
    ("tasks", "first"),
    [
        pytest.param((task("x", Outcome.PASS), B, A), A, id="one that was judged before one that waits"),
        pytest.param((task("x", Outcome.PASS), B), B, id="one that waits"),
        pytest.param((task("x", Outcome.PASS),), None, id="none"),
    ],
)
def test_the_task_to_work_on_next(tasks: tuple[TaskResult, ...], first: TaskResult | None) -> None:
    assert first_open(report(*tasks)) == first


def test_progress_names_what_is_another_now() -> None:
    after = report(task("a", Outcome.PASS), task("b", Outcome.FAIL), task("c", Outcome.PASS))
    before = report(A, B, task("c", Outcome.PASS))
    assert list(progress(before, after)) == ["a: fail → pass", "b: blocked → fail", "score: 2 → 4 of 6"]
    partly = replace(A, score=1)
    assert list(progress(report(A), report(partly))) == ["a: 0 → 1 points", "score: 0 → 1 of 2"]
    assert list(progress(before, before)) == []
