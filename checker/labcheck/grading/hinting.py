"""The first hint, which nobody had to write: where the check that failed was looking, and what it saw there.

It says what is, never what should be; that is for the hints in `lab.yaml`, and for the solution.
"""

from __future__ import annotations

from labcheck.checks.verdict import Outcome
from labcheck.grading.report import Report, TaskResult


def first_open(report: Report) -> TaskResult | None:
    """The task to work on next: the first that was judged and did not pass, else the first that waits."""
    judged = (Outcome.FAIL, Outcome.UNGRADABLE)
    unfinished = [task for task in report.tasks if task.outcome is not Outcome.PASS]
    return next((task for task in unfinished if task.outcome in judged), next(iter(unfinished), None))


def computed(task: TaskResult) -> str:
    """What the last grading saw of a task, as a hint; empty when it passed."""
    evidence, then = task.evidence, "See it"
    match task.outcome:
        case Outcome.PASS:
            return ""
        case Outcome.BLOCKED:
            said, then = [f"It waits ({evidence.why})."], "Next"
        case Outcome.UNGRADABLE:
            said = [f"It could not be looked at: {evidence.observed}"]
        case Outcome.FAIL:
            said = [f"Not yet right: {_subject(task)}."]
            if evidence.differences:
                said += [f"Now: {found.path} is {found.observed}." for found in evidence.differences[:3]]
            elif evidence.observed:
                said.append(f"Now: {evidence.observed}.")
    return "\n".join([*said, f"{then}: {evidence.next}"] if evidence.next else said)


def about(task: TaskResult) -> str:
    """What the computed hint is about: the same as long as the same thing is in the way."""
    return task.evidence.expected or task.evidence.why or task.evidence.observed


def _subject(task: TaskResult) -> str:
    return task.evidence.subject or task.claim.rstrip(".")
