"""Running a lab's checks: a pytest of our own making, in a process group that can be killed as a whole.

Nothing of the user's pytest reaches it: no configuration, no plugins, no options from the environment. What
it prints and its exit code are ours to read, never the learner's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from labcheck.checks.context import Context, Probe
from labcheck.checks.results import read_results
from labcheck.checks.verdict import Evidence, Outcome, Verdict
from labcheck.errors import AuthorError, EnvironmentTrouble, Problem
from labcheck.grading.report import Report, report
from labcheck.lab.variant import Variant

TIME_LIMIT = 180.0
_PLUGIN = "labcheck.checks.plugin"
# Parts of pytest that a grading has no use for; each costs its import.
_WITHOUT = ("cacheprovider", "doctest", "junitxml", "pastebin", "setuponly", "setupplan", "stepwise")


@dataclass(frozen=True, slots=True)
class PytestRun:
    """One run of pytest: its arguments, where it runs, its environment and where its output goes."""

    arguments: tuple[str, ...]
    folder: Path
    variables: Mapping[str, str]
    output: Path
    time_limit: float


def in_python_of_its_own(asked: PytestRun) -> bool:
    """Runs pytest in a new Python; False when it had to be stopped."""
    # -P: what lies in the lab's folder cannot stand in for a module of Python's; -B: nothing is left behind
    # there.
    with asked.output.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-B", "-m", "pytest", *asked.arguments],
            cwd=asked.folder,
            env=asked.variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(asked.time_limit)
            return True
        except subprocess.TimeoutExpired:
            return False
        finally:
            _kill_group(process)


def grade(
    variant: Variant,
    kubeconfig: Path,
    provider: str,
    patience: float,
    *,
    time_limit: float = TIME_LIMIT,
    launch: Callable[[PytestRun], bool] = in_python_of_its_own,
) -> Report:
    """Grades the lab in the cluster of `kubeconfig`, which should be the grader's.

    `launch` runs the checks; whoever grades often may know a faster way than a new Python each time.
    Raises AuthorError when the checks themselves are wrong, EnvironmentTrouble when they cannot be run.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="labcheck-") as name:
        scratch = Path(name)
        context = Context(
            folder=str(variant.folder),
            kubeconfig=str(kubeconfig),
            results=str(scratch / "results"),
            params=variant.params,
            needs={task.id: task.needs for task in variant.tasks},
            probes={it: Probe(p.namespace, p.pod, p.container) for it, p in variant.probes.items()},
            patience=patience,
        )
        context.write(scratch / "context.json")
        asked = PytestRun(
            _arguments(variant.folder, scratch / "context.json"),
            variant.folder,
            _environment(os.environ, kubeconfig),
            scratch / "output",
            time_limit,
        )
        ended = launch(asked)
        entries = list(read_results(Path(context.results)))
        output = (scratch / "output").read_text(encoding="utf-8", errors="replace")
    problems = [entry for entry in entries if isinstance(entry, Problem)]
    if problems:
        raise AuthorError(problems)
    if not entries:
        raise EnvironmentTrouble(
            "The checks could not be run.",
            evidence=output.strip()[-2000:],
            next_step="Run `labcheck doctor`.",
        )
    verdicts = complete(variant, entries, time_limit if not ended else None)
    return report(variant, provider, verdicts, time.monotonic() - started)


def complete(
    variant: Variant, entries: Iterable[str | Verdict | Problem], time_limit: float | None
) -> list[Verdict]:
    """A verdict for every task: those that were written, and ungradable for the rest.

    `time_limit` is how long we waited when the checks had to be stopped, None when they ended by themselves.
    """
    verdicts = {entry.task: entry for entry in entries if isinstance(entry, Verdict)}
    hung = [entry for entry in entries if isinstance(entry, str) and entry not in verdicts]
    for task in variant.tasks:
        if task.id not in verdicts:
            if task.id in hung:
                limit = f"within {time_limit:g} s" if time_limit is not None else "before its process ended"
                why = f"The check did not finish {limit}."
            else:
                why = (
                    f"The check was not reached: {', '.join(hung)} did not finish."
                    if hung
                    else "It did not run."
                )
            verdicts[task.id] = Verdict(
                task.id, Outcome.UNGRADABLE, task.title, Evidence(observed=why, next="Grade again.")
            )
    return [verdicts[task.id] for task in variant.tasks]


def _arguments(folder: Path, context: Path) -> tuple[str, ...]:
    options = (f"--rootdir={folder}", f"--confcutdir={folder}", "-c", os.devnull, "--import-mode=importlib")
    without = (word for name in _WITHOUT for word in ("-p", f"no:{name}"))
    return *options, *without, "-p", _PLUGIN, "--labcheck-context", str(context), "-q", "test_lab.py"


def _environment(outer: Mapping[str, str], kubeconfig: Path) -> dict[str, str]:
    kept = {name: value for name, value in outer.items() if not name.startswith("PYTEST_")}
    return kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "KUBECONFIG": str(kubeconfig)}


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # PermissionError: on macOS, when only zombies are left of the group.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
