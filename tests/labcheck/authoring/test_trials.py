from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labcheck.authoring.trials import dishonest, trials
from labcheck.checks.verdict import Evidence, Outcome
from labcheck.grading.report import Report, TaskResult
from labcheck.lab.load import load
from labcheck.lab.variant import variant


def report(**outcomes: Outcome) -> Report:
    tasks = tuple(
        TaskResult(
            task,
            task,
            2,
            2 * (it is Outcome.PASS),
            it,
            task,
            Evidence("x", "y"),
            (),
            "test_lab.py:1",
            0.0,
            (),
        )
        for task, it in outcomes.items()
    )
    return Report("lab", "Lab", 1, "embedded", tasks, 0.0)


PASS, FAIL, BLOCKED, UNGRADABLE = Outcome.PASS, Outcome.FAIL, Outcome.BLOCKED, Outcome.UNGRADABLE


@pytest.mark.parametrize(
    ("found", "lost", "problem"),
    [
        pytest.param(report(a=PASS, b=PASS), [], "", id="a solution that passes"),
        pytest.param(report(a=FAIL, b=BLOCKED), ["a", "b"], "", id="a mistake that loses what it names"),
        pytest.param(
            report(a=PASS, b=FAIL), [], "loses b: expected x, observed y", id="a solution that fails"
        ),
        pytest.param(
            report(a=PASS, b=FAIL), ["a", "b"], "passes a, which must be lost", id="a check too kind"
        ),
        pytest.param(
            report(a=PASS, b=UNGRADABLE), ["b"], "ungradable: b (y test_lab.py:1)", id="not looked at"
        ),
    ],
)
def test_a_report_that_is_not_what_it_should_be(found: Report, lost: list[str], problem: str) -> None:
    assert dishonest(found, lost) == problem


def test_mistakes_that_begin_in_the_solved_lab_come_after_the_solution_and_last(
    make_lab: Callable[..., Path],
) -> None:
    wrong = "---\nloses: [second]\nwhy: x\nafter: solution\n---\n"
    made = variant(load(make_lab({"mistakes/a.md": wrong})))
    tried = {trial.what: trial for trial in trials(made)}
    assert list(tried)[-3:] == ["mistake nothing", "mistake wrong", "mistake a"]
    assert tried["mistake a"].after == tried["solution"]
    assert tried["solution"].kept
    assert tried["mistake wrong"].after is None


def test_a_seed_for_faults_leaves_out_mistakes_that_mention_none(make_lab: Callable[..., Path]) -> None:
    text = (make_lab() / "lab.yaml").read_text() + "faults: [share]\n"
    wrong = (make_lab() / "mistakes" / "wrong.md").read_text() + "{% if share == 10 %}Here.{% endif %}\n"
    made = variant(load(make_lab({"lab.yaml": text, "mistakes/wrong.md": wrong})))
    everything = ["untouched", "solution", "guide", "mistake nothing", "mistake wrong"]
    assert [trial.what for trial in trials(made)] == everything
    everything.remove("mistake nothing")
    assert [trial.what for trial in trials(made, for_faults=True)] == everything
