"""The stream of verdicts between the checks' process and the grading: JSON lines, appended as they happen.

Appended one by one, so that a check which hangs or kills its process takes only its own verdict with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from labcheck.checks.differences import Difference
from labcheck.checks.journal import Entry, Journal
from labcheck.checks.verdict import Evidence, Outcome, Part, Tampering, Verdict
from labcheck.errors import Problem


@dataclass(frozen=True, slots=True)
class Begun:
    """pytest runs, and has yet to read the checks."""


@dataclass(frozen=True, slots=True)
class Started:
    """A task's check begins."""

    task: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What a task's check looked at."""

    task: str
    entries: tuple[Entry, ...]
    objects: Mapping[str, Any]


Result: TypeAlias = Begun | Started | Verdict | Seen | Tampering | Problem


class Results:
    """The writing end."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begun(self) -> None:
        self._append({"begun": True})

    def started(self, task: str) -> None:
        """The task's check begins now."""
        self._append({"started": task})

    def verdict(self, verdict: Verdict) -> None:
        self._append({"verdict": asdict(verdict)})

    def seen(self, task: str, journal: Journal) -> None:
        entries = [asdict(entry) for entry in journal.entries]
        self._append({"seen": {"task": task, "entries": entries, "objects": journal.objects}})

    def tampering(self, found: Tampering) -> None:
        self._append({"tampering": asdict(found)})

    def problem(self, problem: Problem) -> None:
        """The checks themselves are wrong."""
        self._append({"problem": {"path": str(problem.path), "line": problem.line, "text": problem.text}})

    def _append(self, entry: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def read_results(path: Path) -> Iterator[Result]:
    """What was written, in order; a last line that was cut short is left out."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            yield from _read(json.loads(line))


def _read(entry: dict[str, Any]) -> Iterator[Result]:
    match entry:
        case {"begun": True}:
            yield Begun()
        case {"started": str(task)}:
            yield Started(task)
        case {"verdict": fields}:
            yield _verdict(fields)
        case {"seen": {"task": task, "entries": entries, "objects": objects}}:
            yield Seen(task, tuple(Entry(**it) for it in entries), objects)
        case {"tampering": {"object": ref, "tasks": tasks, "differences": found}}:
            yield Tampering(ref, tuple(tasks), _differences(found))
        case {"problem": {"path": path, "line": number, "text": text}}:
            yield Problem(Path(path), number, text)


def _verdict(fields: dict[str, Any]) -> Verdict:
    evidence = fields["evidence"]
    return Verdict(
        **{
            **fields,
            "outcome": Outcome(fields["outcome"]),
            "evidence": Evidence(**{**evidence, "differences": _differences(evidence["differences"])}),
            "notes": tuple(fields["notes"]),
            "parts": tuple(Part(**part) for part in fields["parts"]),
        }
    )


def _differences(found: Iterable[dict[str, str]]) -> tuple[Difference, ...]:
    return tuple(Difference(**it) for it in found)
