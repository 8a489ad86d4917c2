"""The stream of verdicts between the checks' process and the grading: JSON lines, appended as they happen.

Appended one by one, so that a check which hangs or kills its process takes only its own verdict with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labcheck.checks.verdict import Evidence, Outcome, Verdict
from labcheck.errors import Problem


class Results:
    """The writing end."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def started(self, task: str) -> None:
        """The task's check begins now."""
        self._append({"started": task})

    def verdict(self, verdict: Verdict) -> None:
        self._append({"verdict": asdict(verdict)})

    def problem(self, problem: Problem) -> None:
        """The checks themselves are wrong."""
        self._append({"problem": {"path": str(problem.path), "line": problem.line, "text": problem.text}})

    def _append(self, entry: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def read_results(path: Path) -> Iterator[str | Verdict | Problem]:
    """What was written, in order: the id of a task that started, a verdict, or a problem of the checks."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        match json.loads(line):
            case {"started": str(task)}:
                yield task
            case {"verdict": fields}:
                evidence = Evidence(**fields.pop("evidence"))
                outcome, notes = Outcome(fields.pop("outcome")), tuple(fields.pop("notes"))
                yield Verdict(**fields, outcome=outcome, notes=notes, evidence=evidence)
            case {"problem": {"path": path_, "line": line_, "text": text}}:
                yield Problem(Path(path_), line_, text)
