"""Proving a lab honest: untouched it scores nothing, each solution everything, each mistake loses what it
names.

A check that accepts a wrong answer is a fault of the check. Verifying runs in environments of its own, so a
learner's running lab is never touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from labcheck.authoring.replay import BlockFailed, replay
from labcheck.checks.verdict import Outcome
from labcheck.environments.lifecycle import down, reset, up
from labcheck.environments.provider import Provider
from labcheck.environments.state import EnvironmentFolder, StateFolder
from labcheck.grading.report import Report
from labcheck.grading.run import grade
from labcheck.lab.load import LoadedLab
from labcheck.lab.mistakes import mistakes
from labcheck.lab.pages import Page, guide, solutions
from labcheck.lab.variant import Variant, variant


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was tried with a lab, and what is wrong with the outcome; nothing when it is honest."""

    lab: str
    seed: int
    what: str
    problem: str
    seconds: float


Trial = tuple[str, Callable[[], str]]


def verify(loaded: LoadedLab, seeds: Sequence[int], runner: Provider, state: StateFolder) -> Iterator[Proof]:
    """Tries everything that the lab's folder holds, under each seed, and yields what came of it."""
    for seed in seeds:
        made = variant(loaded, seed)
        try:
            for what, trial in _trials(made, runner, state):
                started = time.monotonic()
                problem = trial()
                yield Proof(loaded.lab.id, seed, what, problem, round(time.monotonic() - started, 2))
        finally:
            down(state, loaded.lab.id)


def _trials(made: Variant, runner: Provider, state: StateFolder) -> Iterator[Trial]:
    folder = state.environment(made.lab.id)

    def judged(lost: Sequence[str]) -> str:
        return dishonest(grade(made, folder.grader_kubeconfig, runner.name, runner.patience), lost)

    def tried(page: Page, lost: Sequence[str] | None) -> str:
        reset(state, made, _silent)
        return _replayed(page, folder) or ("" if lost is None else judged(lost))

    yield "up", partial(_up, made, runner, state)
    yield "untouched", partial(judged, [task.id for task in made.tasks])
    yield "guide", partial(tried, guide(made), None)
    for page in solutions(made):
        yield page.path.stem, partial(tried, page, ())
    for mistake in mistakes(made):
        yield f"mistake {mistake.name}", partial(tried, mistake.page, mistake.loses)


def _up(made: Variant, runner: Provider, state: StateFolder) -> str:
    up(state, made, runner, _silent)
    return ""


def _silent(text: str) -> None:
    pass


def _replayed(page: Page, folder: EnvironmentFolder) -> str:
    try:
        replay(page, folder)
    except BlockFailed as error:
        return str(error)
    return ""


def dishonest(report: Report, lost: Sequence[str]) -> str:
    """What is wrong with a report that should have lost exactly `lost`; nothing when it did."""
    unseen = [task for task in report.tasks if task.outcome is Outcome.UNGRADABLE]
    if unseen:
        first = unseen[0]
        return f"ungradable: {first.id} ({first.evidence.observed} {first.where})"
    kept = [task for task in lost if task not in report.lost]
    extra = [task for task in report.tasks if task.id in report.lost and task.id not in lost]
    parts = [f"passes {task}, which must be lost" for task in kept]
    parts += [f"loses {task.id}: {_reason(task.evidence.expected, task.evidence.observed)}" for task in extra]
    return "; ".join(parts)


def _reason(expected: str, observed: str) -> str:
    return f"expected {expected}, observed {observed}" if expected or observed else "blocked"
