"""A report as a person reads it: one line a task, evidence below those that need it, then what to do next."""

from __future__ import annotations

import os
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from labcheck.checks.verdict import Outcome, Tampering
from labcheck.grading.report import Report, TaskResult

_STYLES = {
    Outcome.PASS: "green",
    Outcome.FAIL: "bold red",
    Outcome.BLOCKED: "yellow",
    Outcome.UNGRADABLE: "magenta",
}
_RESULTS = {"passed": "bold green", "not yet": "bold yellow", "ungradable": "bold magenta"}
_OUTCOME = max(map(len, Outcome))
_LABEL = len("expected")
_NARROW = 72
"""Columns below which evidence does not stand under the claim but under the outcome."""


def console() -> Console:
    """This program's terminal; without any escape sequence where NO_COLOR is set. https://no-color.org"""
    return Console(highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto")


def show(report: Report, console: Console, short_name: str) -> None:
    """Prints the report. No line ends with blanks, so that it can be piped and compared."""
    points = max(len(_score(task)) for task in report.tasks)
    indent = 4 if console.width < _NARROW else 2 + _OUTCOME + 2 + points + 2
    blocks: list[RenderableType] = [_heading(report)]
    blocks += [_changed(found, points, indent) for found in report.tampering]
    blocks += [_task(task, points, indent) for task in report.tasks]
    blocks += [Text(""), _closing(report, short_name)]
    with console.capture() as captured:
        console.print(Group(*blocks))
    for line in captured.get().splitlines():
        console.file.write(f"{line.rstrip()}\n")
    console.file.flush()


def _heading(report: Report) -> RenderableType:
    line = Table.grid(expand=True, padding=(0, 2))
    line.add_column(ratio=1)
    line.add_column(justify="right", no_wrap=True)
    title = Text.assemble((report.lab, "bold"), "  ", report.title)
    line.add_row(
        title, Text.assemble(f"{report.score}/{report.points}  ", (report.result, _RESULTS[report.result]))
    )
    return line


def _task(task: TaskResult, points: int, indent: int) -> RenderableType:
    line = _line(Text(task.outcome, style=_STYLES[task.outcome]), _score(task), _claim(task), points)
    return Group(line, Padding(_rows(list(_evidence(task))), (0, 0, 0, indent)))


def _changed(found: Tampering, points: int, indent: int) -> RenderableType:
    claim = Text(f"{found.object} is not as the lab set it up  ").append(
        f"costs: {', '.join(found.tasks)}", style="dim"
    )
    rows = [("changed", Text(str(it))) for it in found.differences]
    line = _line(Text("changed", style="bold red"), "", claim, points)
    return Group(line, Padding(_rows(rows), (0, 0, 0, indent)))


def _line(outcome: Text, score: str, claim: Text, points: int) -> RenderableType:
    line = Table.grid(expand=True, padding=(0, 2, 0, 0))
    line.add_column(width=_OUTCOME, no_wrap=True)
    line.add_column(width=points, no_wrap=True, justify="right")
    line.add_column(ratio=1)
    line.add_row(outcome, score, claim)
    return Padding(line, (0, 0, 0, 2))


def _score(task: TaskResult) -> str:
    return f"{task.score}/{task.points}"


def _claim(task: TaskResult) -> Text:
    claim = Text(task.claim)
    aside = list(task.notes) if task.outcome is Outcome.PASS else []
    if task.outcome is Outcome.BLOCKED:
        aside.append(task.evidence.why)
    if task.deducted:
        aside.append(f"{task.deducted} less for hints")
    return claim.append(f"  {'; '.join(aside)}", style="dim") if aside else claim


def _evidence(task: TaskResult) -> Iterator[tuple[str, Text]]:
    if task.outcome is Outcome.PASS:
        return
    evidence = task.evidence
    if task.outcome is not Outcome.BLOCKED:
        yield "expected", Text(evidence.expected)
        yield "observed", Text(evidence.observed)
        for found in evidence.differences:
            yield "", Text(str(found))
        yield "why", Text(evidence.why)
    yield "next", Text(evidence.next, style="cyan")
    for part in task.parts:
        yield "kept", Text(f"{part.points} for: {part.what}")
    if task.outcome is Outcome.UNGRADABLE:
        yield "check", Text(task.where)


def _rows(rows: list[tuple[str, Text]]) -> RenderableType:
    table = Table.grid(expand=True, padding=(0, 2, 0, 0))
    table.add_column(width=_LABEL, style="dim", no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for label, text in rows:
        if text:
            table.add_row(label, text)
    return table


def _closing(report: Report, short_name: str) -> Text:
    opened = "\nThe solution was opened before." if report.gave_up else ""
    match report.result:
        case "passed":
            text = f"All tasks pass, graded in {report.seconds:g} s.  Compare: labcheck solution {short_name}"
        case "not yet":
            text = f"Graded in {report.seconds:g} s.  A hint: labcheck hint {short_name}"
        case _:
            text = "What is ungradable costs nothing: we could not look. See the machine: labcheck doctor"
    return Text(text + opened)
