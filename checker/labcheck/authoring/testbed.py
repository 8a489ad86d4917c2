"""An environment in which a lab is tried, one trial after another, each from what `up` leaves or from the
solved lab.

It has a folder to itself, so that a learner's running lab is never touched and residue can be seen.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from labcheck.authoring import residue
from labcheck.authoring.contents import Contents, contents, differences
from labcheck.authoring.fields import misspelt
from labcheck.authoring.forked import Forks
from labcheck.authoring.replay import BlockFailed, replay, traced
from labcheck.authoring.trials import Trial, changed
from labcheck.environments.lifecycle import READY, Kept, down, keep, reset, up
from labcheck.environments.provider import Provider
from labcheck.environments.state import StateFolder
from labcheck.errors import LabcheckError
from labcheck.grading.report import Report
from labcheck.grading.run import grade
from labcheck.kube import connect
from labcheck.kube.manifests import apply_all
from labcheck.lab.pages import Page, namespaces, setup_documents
from labcheck.lab.variant import Variant

_SOLVED = "solved"


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was tried with a lab, and what is wrong with the outcome; nothing when it is honest."""

    lab: str
    seed: int
    what: str
    problem: str
    seconds: float = 0.0
    megabytes: int = 0
    """What the environment weighed; 0 where nobody looked."""
    skipped: str = ""
    """Why it was not tried; nothing when it was."""
    left_out: str = ""
    """What of it was not tried, and why; nothing when all was."""
    tasks: Mapping[str, str] = field(default_factory=dict)
    """What the first grading made of each task; nothing where nothing was graded."""


class Testbed:
    """The environment of one variant, in a state folder and with temporary files below `scratch`."""

    def __init__(self, variant: Variant, runner: Provider, scratch: Path) -> None:
        self._variant = variant
        self._runner = runner
        self._scratch = scratch
        self._state = StateFolder(scratch / "state")
        self._folder = self._state.environment(variant.lab.id)
        self._files = residue.files(variant.folder)
        self._launch = Forks()
        self._open = ExitStack()
        """What is closed before the environment goes down."""
        self._open.callback(self._launch.close)
        self._solved: Kept | None = None
        self._now = ""
        """What was kept under this name is what there is, for nothing was tried since."""
        self._outcomes: dict[str, str] = {}

    def open(self) -> Proof:
        """Brings the environment up."""
        return self._proof("up", self._up)

    def carry_out(self, trial: Trial) -> Proof:
        """Tries it, and says what is wrong; where a program that its page needs is missing, which."""
        absent = [name for name in (trial.page.needs if trial.page else ()) if not shutil.which(name)]
        if absent:
            lab = self._variant.lab.id
            return Proof(lab, self._variant.seed, trial.what, "", skipped=f"no {', '.join(absent)} on PATH")
        self._outcomes = {}
        proof = self._proof(trial.what, lambda: self._tried(trial))
        proof = replace(proof, left_out=self._left_out(trial.page), tasks=self._outcomes)
        if trial.twice:
            return replace(proof, megabytes=residue.megabytes(residue.processes(self._scratch)))
        return proof

    def _left_out(self, page: Page | None) -> str:
        lines = [f"line {block.line}" for block in traced(page)] if page and not self._runner.traces else []
        return f"{', '.join(lines)}: {self._runner.name} cannot follow requests" if lines else ""

    def close(self) -> Proof:
        """Takes the environment down and looks for what is left of it."""
        return self._proof("down", self._down)

    def _proof(self, what: str, work: Callable[[], str]) -> Proof:
        started = time.monotonic()
        try:
            problem = work()
        except LabcheckError as error:
            problem = str(error)
        except Exception as error:
            problem = f"labcheck itself failed: {type(error).__name__}: {error}"
        seconds = round(time.monotonic() - started, 2)
        return Proof(self._variant.lab.id, self._variant.seed, what, problem, seconds)

    def _up(self) -> str:
        up(self._state, self._variant, self._runner, _silent)
        self._cluster = self._open.enter_context(connect(self._runner.wait(self._folder.cluster)))
        self._now = READY
        return ""

    def _tried(self, trial: Trial) -> str:
        if problem := self._begun(trial):
            return problem
        broken = self._replayed(trial.page)
        if trial.judge is None or (broken and not trial.may_fail):
            return broken
        before = self._contents() if trial.twice else {}
        first = self._graded()
        self._outcomes = {task.id: task.outcome.value for task in first.tasks}
        problem = trial.judge(first) or self._graded_again(trial)
        if trial.kept and not problem:
            self._solved = keep(self._state, self._variant, _SOLVED, self._cluster)
            self._now = _SOLVED
        return problem or (self._once_more(trial.page, first, before) if trial.twice else "")

    def _begun(self, trial: Trial) -> str:
        """Brings about what the trial begins with; what is wrong with that."""
        if trial.after and not self._solved:
            problem = self._tried(replace(trial.after, twice=False, gradings=1))
            self._outcomes = {}
            if problem:
                return f"{trial.after.what}: {problem}"
        kept = self._solved if trial.after else None
        if self._now != (kept.name if kept else READY):
            reset(self._state, self._variant, _silent, kept, self._cluster)
        self._now = ""
        return ""

    def _graded_again(self, trial: Trial) -> str:
        """What is wrong with one of the further gradings of the same answer."""
        assert trial.judge is not None
        for number in range(2, trial.gradings + 1):
            if problem := trial.judge(self._graded()):
                return f"grading {number} of {trial.gradings}: {problem}"
        return ""

    def _once_more(self, page: Page | None, first: Report, before: Contents) -> str:
        """What does not stay as it was when commands or setup, and then the grading, are repeated."""
        self._now = ""
        if problem := differences(before, self._contents()):
            return f"grading changes the cluster: {problem}"
        if page is not None:
            what, problem = "solving it twice", self._replayed(page)
        else:
            apply_all(self._cluster, setup_documents(self._variant))
            what, problem = "applying the setup twice", differences(before, self._contents())
        problem = problem or changed(first, self._graded())
        return f"{what}: {problem}" if problem else ""

    def _replayed(self, page: Page | None) -> str:
        if page is None:
            return ""
        if wrong := [str(problem) for problem in misspelt(page, self._cluster)]:
            return "\n".join(wrong)
        try:
            replay(page, self._folder, traces=self._runner.traces)
        except BlockFailed as error:
            return str(error)
        return ""

    def _graded(self) -> Report:
        runner = self._runner
        return grade(
            self._variant,
            self._folder.grader_kubeconfig,
            runner.name,
            runner.converge(self._folder.cluster, self._cluster),
            setup=self._folder.load("setup.json").get("objects", ()),
            launch=self._launch,
        )

    def _contents(self) -> Contents:
        # In a cluster that is others' as well, what they do is none of our business.
        within = namespaces(self._variant) if self._runner.shared else ()
        return contents(self._runner.everything(self._cluster), within)

    def _down(self) -> str:
        self._open.close()
        down(self._state, self._variant.lab.id)
        left = [f"process {it.pid} ({it.command[:80]})" for it in residue.processes(self._scratch)]
        left += [
            f"file {path}"
            for path in sorted(residue.files(self._scratch))
            if _is_residue(self._scratch / path)
        ]
        left += [f"file {path}" for path in sorted(residue.files(self._variant.folder) - self._files)]
        return f"left behind: {', '.join(left[:5])}" if left else ""


def _is_residue(path: Path) -> bool:
    return path.is_file() and path.suffix != ".lock"


def _silent(text: str) -> None:
    pass
