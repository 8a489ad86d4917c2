"""GitHub Actions: a workflow command for each task that did not pass, shown as an annotation of its check.

Source: GitHub's documentation, "Workflow commands for GitHub Actions"; what must be escaped is in
actions/toolkit, packages/core/src/command.ts.
"""

from __future__ import annotations

from pathlib import Path

from labcheck.checks.verdict import Outcome
from labcheck.grading.formats.words import changes, lines, place
from labcheck.grading.report import Report

_LEVELS = {Outcome.FAIL: "error", Outcome.BLOCKED: "notice", Outcome.UNGRADABLE: "warning"}


def github(report: Report, folder: Path) -> str:
    """The report as workflow commands; `folder` is the lab's, as seen from the repository's root."""
    found = [
        _command("error", folder / "lab.yaml", 0, heading, details) for heading, details in changes(report)
    ]
    for task in report.tasks:
        if task.outcome in _LEVELS:
            name, line = place(task)
            title = f"{task.score}/{task.points} {task.claim}"
            said = "\n".join(lines(task)) or task.outcome
            found.append(_command(_LEVELS[task.outcome], folder / name, line, title, said))
    summary = f"{report.score}/{report.points} {report.result}"
    found.append(_command("notice", folder / "lab.yaml", 0, report.lab, summary))
    return "\n".join(found) + "\n"


def _command(level: str, path: Path, line: int, title: str, message: str) -> str:
    where = {"file": path.as_posix(), "line": str(line) if line else "", "title": title}
    properties = ",".join(f"{name}={_property(value)}" for name, value in where.items() if value)
    return f"::{level} {properties}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
