"""Running a lab's checks to a verdict for every task, whatever they do.

A check that hangs or takes its process along costs its own verdict only: the others are run again without it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labcheck.checks.context import Context, Guard, Probe
from labcheck.checks.results import Result, Seen, Started, read_results
from labcheck.checks.verdict import Evidence, Outcome, Tampering, Verdict
from labcheck.errors import AuthorError, EnvironmentTrouble, Problem
from labcheck.grading.launch import PytestRun, in_python_of_its_own, pytest_run
from labcheck.grading.report import Report, report
from labcheck.lab import pages
from labcheck.lab.guards import guarded
from labcheck.lab.variant import Variant

__all__ = ["CHECK_LIMIT", "TIME_LIMIT", "Launch", "PytestRun", "grade"]

TIME_LIMIT = 180.0
"""Seconds for one run of all checks, and how long a check that cannot be interrupted holds up the others."""
CHECK_LIMIT = 90.0
"""Seconds for one check."""

Launch = Callable[[PytestRun], bool]


def grade(
    variant: Variant,
    kubeconfig: Path,
    provider: str,
    patience: float,
    *,
    setup: Sequence[Mapping[str, Any]] = (),
    hints: Mapping[str, int] | None = None,
    time_limit: float = TIME_LIMIT,
    check_limit: float = CHECK_LIMIT,
    launch: Launch = in_python_of_its_own,
) -> Report:
    """Grades the lab in the cluster of `kubeconfig`, which should be the grader's.

    `setup` are the objects of the lab's setup as they were applied; without them nothing is guarded. `hints`
    says how many hints of each task were shown. `launch` runs the checks; whoever grades often may know a
    faster way than a new Python each time. Raises AuthorError when the checks themselves are wrong,
    EnvironmentTrouble when they cannot be run.
    """
    started = time.monotonic()
    pages.read(variant.folder / "test_lab.py")  # Python would let bytes pass in comments that are no text
    context = Context(
        lab=variant.lab.id,
        folder=str(variant.folder),
        kubeconfig=str(kubeconfig),
        results="",
        params=variant.params,
        needs={task.id: task.needs for task in variant.tasks},
        points={task.id: task.points for task in variant.tasks},
        probes={it: Probe(p.namespace, p.pod, p.container) for it, p in variant.probes.items()},
        guards=tuple(
            Guard(obj, guard.fields, guard.tasks) for obj, guard in (guarded(variant, setup) if setup else ())
        ),
        patience=patience,
        check_limit=check_limit,
    )
    results = list(_run(context, variant.folder, kubeconfig, time_limit, launch))
    verdicts = {it.task: it for it in results if isinstance(it, Verdict)}
    return report(
        variant,
        provider,
        [verdicts.get(task.id) or _unseen(task.id, "It did not run.") for task in variant.tasks],
        time.monotonic() - started,
        tampering=list(dict.fromkeys(it for it in results if isinstance(it, Tampering))),
        hints=hints or {},
        seen=[it for it in results if isinstance(it, Seen)],
    )


def _run(
    context: Context, folder: Path, kubeconfig: Path, time_limit: float, launch: Launch
) -> Iterator[Result]:
    """What the checks found, in as many runs as it takes to be rid of those that end their process."""
    known: dict[str, str] = {}
    while True:
        with tempfile.TemporaryDirectory(prefix="labcheck-") as name:
            scratch = Path(name)
            (scratch / "work").mkdir()
            replace(context, results=str(scratch / "results"), known=known).write(scratch / "context")
            asked = pytest_run(folder, scratch / "work", kubeconfig, scratch / "context", time_limit)
            ended = launch(asked)
            found = list(read_results(scratch / "results"))
            output = (
                asked.output.read_text(encoding="utf-8", errors="replace") if asked.output.exists() else ""
            )
        if not known:
            _refuse(found, folder, output, time_limit if not ended else None)
        yield from found
        judged = {it.task: str(it.outcome) for it in found if isinstance(it, Verdict)}
        stuck = [it.task for it in found if isinstance(it, Started) and it.task not in judged]
        limit = "before its process ended" if ended else f"within {time_limit:g} s"
        for task in stuck:
            yield _unseen(task, f"The check did not finish {limit}.")
        known |= judged | dict.fromkeys(stuck, str(Outcome.UNGRADABLE))
        if not judged | dict.fromkeys(stuck) or len(known) == len(context.needs):
            return


def _refuse(found: Sequence[Result], folder: Path, output: str, stopped_after: float | None) -> None:
    """Raises for a run that says nothing about any task."""
    problems = [it for it in found if isinstance(it, Problem)]
    if problems:
        raise AuthorError(problems)
    if not found:
        raise EnvironmentTrouble(
            "The checks could not be run.",
            evidence=output.strip()[-2000:],
            next_step="Run `labcheck doctor`.",
        )
    if not any(isinstance(it, Verdict | Started) for it in found):
        how = "No check was run" if stopped_after is None else f"It was not read within {stopped_after:g} s"
        said = f": {output.strip()[-300:]}" if output.strip() else ""
        raise AuthorError.at(folder / "test_lab.py", 0, f"{how}{said}.")


def _unseen(task: str, why: str) -> Verdict:
    return Verdict(task, Outcome.UNGRADABLE, "", Evidence(observed=why, next="Grade again."))
