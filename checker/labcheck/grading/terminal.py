"""A report as a person reads it: one line a task, evidence below those that need it, then what to do next."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from labcheck.checks.verdict import Outcome
from labcheck.grading.report import Report, TaskResult

_STYLES = {
    Outcome.PASS: "green",
    Outcome.FAIL: "bold red",
    Outcome.BLOCKED: "yellow",
    Outcome.UNGRADABLE: "magenta",
}
_RESULTS = {"passed": "bold green", "not yet": "bold yellow", "ungradable": "bold magenta"}
_LABEL = len("expected")


def show(report: Report, console: Console, short_name: str) -> None:
    """Prints the report."""
    console.print(_heading(report))
    console.print(Padding(_tasks(report), (0, 0, 0, 2)))
    console.print()
    console.print(_closing(report, short_name))


def _heading(report: Report) -> RenderableType:
    line = Table.grid(expand=True, padding=(0, 2))
    line.add_column(ratio=1)
    line.add_column(justify="right", no_wrap=True)
    title = Text.assemble((report.lab, "bold"), "  ", report.title)
    line.add_row(
        title, Text.assemble(f"{report.score}/{report.points}  ", (report.result, _RESULTS[report.result]))
    )
    return line


def _tasks(report: Report) -> RenderableType:
    table = Table.grid(expand=True, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(ratio=1)
    for task in report.tasks:
        points = f"{task.score}/{task.points}"
        table.add_row(Text(task.outcome, style=_STYLES[task.outcome]), points, _finding(task))
    return table


def _finding(task: TaskResult) -> RenderableType:
    claim = Text(task.claim)
    if task.outcome is Outcome.PASS:
        return claim.append(f"  {'; '.join(task.notes)}", style="dim") if task.notes else claim
    if task.outcome is Outcome.BLOCKED:
        claim.append(f"  {task.evidence.why}", style="dim")
    evidence = Table.grid(expand=True, padding=(0, 2, 0, 0))
    evidence.add_column(width=_LABEL, style="dim", no_wrap=True)
    evidence.add_column(ratio=1, overflow="fold")
    labels = ("next",) if task.outcome is Outcome.BLOCKED else ("expected", "observed", "why", "next")
    for label in labels:
        text = getattr(task.evidence, label)
        if text:
            evidence.add_row(label, Text(text, style="cyan" if label == "next" else ""))
    if task.outcome is Outcome.UNGRADABLE and task.where:
        evidence.add_row("check", task.where)
    return Group(claim, evidence)


def _closing(report: Report, short_name: str) -> Text:
    match report.result:
        case "passed":
            return Text(
                f"All tasks pass, graded in {report.seconds:g} s.  Compare: labcheck solution {short_name}"
            )
        case "not yet":
            return Text(f"Graded in {report.seconds:g} s.  A hint: labcheck hint {short_name}")
        case _:
            return Text(
                "What is ungradable costs nothing: we could not look. See the machine: labcheck doctor"
            )
