"""What went wrong with a task, as plain lines for formats that know text only."""

from __future__ import annotations

from collections.abc import Iterator

from labcheck.grading.report import Report, TaskResult


def lines(task: TaskResult) -> Iterator[str]:
    """The task's evidence, a line for each part that there is."""
    evidence = task.evidence
    for label, text in (("expected", evidence.expected), ("observed", evidence.observed)):
        if text:
            yield f"{label}: {text}"
    yield from map(str, evidence.differences)
    for label, text in (("why", evidence.why), ("next", evidence.next)):
        if text:
            yield f"{label}: {text}"


def place(task: TaskResult) -> tuple[str, int]:
    """The check's file, by its name, and the line that is to blame; line 0 when none is."""
    name, _, line = task.where.partition(":")
    return name or "test_lab.py", int(line) if line.isdigit() else 0


def changes(report: Report) -> Iterator[tuple[str, str]]:
    """What of the setup was changed: a heading and its details."""
    for found in report.tampering:
        heading = f"{found.object} is not as the lab set it up; costs {', '.join(found.tasks)}"
        yield heading, "\n".join(map(str, found.differences))
