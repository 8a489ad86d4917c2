"""What a check can find, and the evidence that a learner reads.

Four outcomes and never fewer: "could not look" is not "wrong", and "not looked because something else is
missing" is neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from labcheck.checks.differences import Difference


class Outcome(StrEnum):
    """What became of one task."""

    PASS = "pass"
    FAIL = "fail"
    BLOCKED = "blocked"
    """A task that this one needs did not pass, or what it relies on was changed; its check did not run."""
    UNGRADABLE = "ungradable"
    """We could not look; costs nobody anything."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Fact, reason and next step, each a fragment or sentence; empty parts are not shown."""

    expected: str = ""
    observed: str = ""
    why: str = ""
    next: str = ""
    subject: str = ""
    """What was looked at, without the value that was expected: a hint may say it."""
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Points that a task keeps although it failed, and what for."""

    points: int
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one task's check."""

    task: str
    outcome: Outcome
    claim: str
    """The first line of the check's docstring."""
    evidence: Evidence = Evidence()
    notes: tuple[str, ...] = ()
    """What `expect.note` recorded: shown beside a pass."""
    where: str = ""
    """file:line in the check, when something went wrong there."""
    seconds: float = 0.0
    parts: tuple[Part, ...] = ()
    """What `expect.part` recorded before the check failed."""


@dataclass(frozen=True, slots=True)
class Tampering:
    """An object of the setup that is not as it was, and the tasks that relied on it."""

    object: str
    tasks: tuple[str, ...]
    differences: tuple[Difference, ...]


class Failed(AssertionError):
    """Raised by `expect` and `cluster`: the answer is not right yet."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(f"expected {evidence.expected}; observed {evidence.observed}")
        self.evidence = evidence
