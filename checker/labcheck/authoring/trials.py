"""What is tried with a lab, and what must come of each trial. Pure: nothing runs here.

A check that accepts a wrong answer is a fault of the check, and so is one that refuses an accepted way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from labcheck.authoring.mutants import mutants
from labcheck.checks.verdict import Outcome
from labcheck.grading.report import Report
from labcheck.lab.mistakes import mistakes
from labcheck.lab.pages import Page, guide, solutions
from labcheck.lab.variant import Variant


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing to try in an environment that is as `up` leaves it, or as another trial does."""

    what: str
    page: Page | None
    """The commands to carry out; none for the untouched environment."""
    judge: Callable[[Report], str] | None
    """What is wrong with the report of a grading afterwards; none when only the commands must work."""
    twice: bool = False
    """Whether all of it is done once more, and must change nothing."""
    gradings: int = 1
    """How often the answer is graded; one report that is wrong is one too many."""
    may_fail: bool = False
    """Whether a command may fail: a mistake of its own, as good as any other."""
    kept: bool = False
    """Whether other trials begin where this one ends."""
    after: Trial | None = None
    """The trial at whose end it begins; none when it begins where the learner does."""


def trials(
    variant: Variant, *, mutated: bool = False, gradings: int = 1, for_faults: bool = False
) -> Iterator[Trial]:
    """Everything to try with a variant, graded so often; `mutated` adds mistakes made from the reference
    solution, each graded once, and `for_faults` leaves mistakes out that mention none of the lab's faults."""
    yield Trial("untouched", None, given_away, twice=True, gradings=gradings)
    reference, *others = solutions(variant)
    wrong = sorted(mistakes(variant), key=lambda it: it.solved)
    solved = partial(dishonest, lost=())
    solution = Trial(
        "solution", reference, solved, twice=True, gradings=gradings, kept=any(it.solved for it in wrong)
    )
    yield solution
    yield Trial("guide", guide(variant), None)
    for page in others:
        yield Trial(f"solution {page.path.stem}", page, solved, gradings=gradings)
    for mistake in wrong:
        if for_faults and mistake.page.params.isdisjoint(variant.lab.faults):
            continue
        judge = partial(dishonest, lost=mistake.loses)
        after = solution if mistake.solved else None
        yield Trial(f"mistake {mistake.name}", mistake.page, judge, gradings=gradings, after=after)
    if mutated:
        for what, page in mutants(reference):
            yield Trial(f"mutant {what}", page, unnoticed, may_fail=True)


def given_away(report: Report) -> str:
    """What is wrong with the report of an answer that nobody gave: any points."""
    problem = dishonest(report, [task.id for task in report.tasks])
    return problem or (f"scores {report.score} points for nothing" if report.score else "")


def dishonest(report: Report, lost: Sequence[str]) -> str:
    """What is wrong with a report that should have lost exactly `lost`; nothing when it did."""
    unseen = _unseen(report)
    if unseen:
        return unseen
    kept = [task for task in lost if task not in report.lost]
    extra = [task for task in report.tasks if task.id in report.lost and task.id not in lost]
    parts = [f"passes {task}, which must be lost" for task in kept]
    parts += [f"loses {task.id}: {_reason(task.evidence.expected, task.evidence.observed)}" for task in extra]
    return "; ".join(parts)


def unnoticed(report: Report) -> str:
    """What is wrong with the report of an answer that was spoilt: that it passes all the same."""
    return _unseen(report) or ("" if report.lost else "scores everything: no check notices")


def changed(first: Report, second: Report) -> str:
    """What a second grading of the same answer found otherwise."""
    return "; ".join(
        f"{one.id} is {two.outcome} when it is graded again, after {one.outcome}"
        for one, two in zip(first.tasks, second.tasks, strict=True)
        if one.outcome is not two.outcome
    )


def _unseen(report: Report) -> str:
    unseen = [task for task in report.tasks if task.outcome is Outcome.UNGRADABLE]
    if not unseen:
        return ""
    told, where = unseen[0].evidence, unseen[0].where
    return (
        f"ungradable: {unseen[0].id} ({' '.join(part for part in (told.observed, told.why, where) if part)})"
    )


def _reason(expected: str, observed: str) -> str:
    return f"expected {expected}, observed {observed}" if expected or observed else "blocked"
