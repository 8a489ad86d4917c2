"""What a grading found, as data: the contract of `labcheck grade --json`, which `report.schema.json` states.

`schema` grows when a field changes its meaning or goes away; fields may be added without.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

from labcheck.checks.results import Seen
from labcheck.checks.verdict import Evidence, Outcome, Part, Tampering, Verdict
from labcheck.lab.variant import Variant

SCHEMA = 1
EXIT_CODES = {"passed": 0, "not yet": 1, "ungradable": 3}


@dataclass(frozen=True, slots=True)
class TaskResult:
    """One task with its verdict."""

    id: str
    title: str
    points: int
    score: int
    outcome: Outcome
    claim: str
    evidence: Evidence
    notes: tuple[str, ...]
    where: str
    seconds: float
    docs: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    """Of a task that failed: what it keeps points for."""
    deducted: int = 0
    """Points that hints cost; `score` is without them."""


@dataclass(frozen=True, slots=True)
class Report:
    """One grading of one lab."""

    lab: str
    title: str
    seed: int
    provider: str
    tasks: tuple[TaskResult, ...]
    seconds: float
    tampering: tuple[Tampering, ...] = ()
    """What of the setup was changed; the tasks that rely on it are blocked."""
    gave_up: bool = False
    """Whether the solution was opened before the lab was passed."""
    seen: tuple[Seen, ...] = ()
    """What the checks looked at; not part of the JSON, which would grow tenfold."""

    @property
    def score(self) -> int:
        return sum(task.score for task in self.tasks)

    @property
    def points(self) -> int:
        return sum(task.points for task in self.tasks)

    @property
    def result(self) -> str:
        """`passed`, `not yet`, or `ungradable` when at least one task could not be looked at."""
        outcomes = {task.outcome for task in self.tasks}
        if Outcome.UNGRADABLE in outcomes:
            return "ungradable"
        return "passed" if outcomes == {Outcome.PASS} else "not yet"

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.result]

    @property
    def lost(self) -> tuple[str, ...]:
        """The ids of the tasks that did not pass."""
        return tuple(task.id for task in self.tasks if task.outcome is not Outcome.PASS)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON-ready data."""
        head = {"schema": SCHEMA, "result": self.result, "score": self.score, "points": self.points}
        data = head | asdict(replace(self, seen=()))
        del data["seen"]
        return data

    def seen_json(self) -> dict[str, Any]:
        """What the checks looked at, by task, as JSON-ready data."""
        return {
            it.task: {"entries": [asdict(e) for e in it.entries], "objects": it.objects} for it in self.seen
        }


def report(
    variant: Variant,
    provider: str,
    verdicts: Iterable[Verdict],
    seconds: float,
    *,
    tampering: Sequence[Tampering] = (),
    hints: Mapping[str, int] = MappingProxyType({}),
    seen: Sequence[Seen] = (),
) -> Report:
    """The report of a variant's verdicts, of which there is one for each task.

    `hints` says how many hints of each task were shown.
    """
    by_task = {verdict.task: verdict for verdict in verdicts}
    results = []
    for task in variant.tasks:
        verdict = by_task[task.id]
        earned = _earned(verdict, task.points)
        price = min(earned, variant.lab.hint_price * hints.get(task.id, 0))
        results.append(
            TaskResult(
                id=task.id,
                title=task.title,
                points=task.points,
                score=earned - price,
                outcome=verdict.outcome,
                claim=verdict.claim or task.title,
                evidence=_with_next_step(verdict, variant, by_task),
                notes=verdict.notes,
                where=verdict.where,
                seconds=round(verdict.seconds, 3),
                docs=task.docs,
                parts=verdict.parts,
                deducted=price,
            )
        )
    return Report(
        variant.lab.id,
        variant.lab.title,
        variant.seed,
        provider,
        tuple(results),
        round(seconds, 2),
        tuple(tampering),
        seen=tuple(seen),
    )


def _earned(verdict: Verdict, points: int) -> int:
    """A pass earns all points, a failure the parts that held before it, and never all."""
    if verdict.outcome is Outcome.PASS:
        return points
    return min(sum(part.points for part in verdict.parts), points - 1)


def _with_next_step(verdict: Verdict, variant: Variant, verdicts: Mapping[str, Verdict]) -> Evidence:
    """The verdict's evidence; a blocked task points to a task that stands in its way and can be worked on."""
    obstacle = verdict
    while obstacle.outcome is Outcome.BLOCKED and not obstacle.evidence.next:
        needs = next(task.needs for task in variant.tasks if task.id == obstacle.task)
        obstacle = next(verdicts[need] for need in needs if verdicts[need].outcome is not Outcome.PASS)
    if obstacle is verdict:
        return verdict.evidence
    if obstacle.outcome is Outcome.BLOCKED:
        return replace(verdict.evidence, next=obstacle.evidence.next)
    return replace(verdict.evidence, next=f"labcheck hint {variant.lab.id} {obstacle.task}")
