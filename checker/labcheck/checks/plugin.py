"""The pytest plugin that turns a run of `test_lab.py` into verdicts.

It orders checks by their tasks' needs, blocks those whose needs did not pass, and tells a wrong answer
(`Failed`) from not having been able to look (everything else). It writes verdicts; what pytest prints nobody
reads.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from graphlib import TopologicalSorter
from pathlib import Path
from traceback import walk_tb
from typing import Any, Literal

import pytest

from labcheck.checks.cluster import ClusterView
from labcheck.checks.context import CONTEXT, Context, Params, read_context
from labcheck.checks.expect import Expect
from labcheck.checks.guards import tampering
from labcheck.checks.journal import Journal
from labcheck.checks.limit import OutOfTime, time_limit
from labcheck.checks.results import Results
from labcheck.checks.shells import Shells
from labcheck.checks.tasks import task_of
from labcheck.checks.traffic import Traffic
from labcheck.checks.verdict import Evidence, Failed, Outcome, Tampering, Verdict
from labcheck.errors import LabcheckError, Problem, did_you_mean
from labcheck.kube import Cluster, connect

_NAME = "labcheck-grading"


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Grading(), _NAME)


def grading(config: pytest.Config) -> Grading:
    """The grading that this pytest is for."""
    found = config.pluginmanager.get_plugin(_NAME)
    assert isinstance(found, Grading)
    return found


@pytest.fixture
def expect(request: pytest.FixtureRequest) -> Expect:
    """Claims, and the ways to look."""
    return grading(request.config).expect


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> ClusterView:
    """The cluster, to read."""
    asking = grading(request.config)
    return ClusterView(asking.connection(), asking.journal)


@pytest.fixture
def traffic(request: pytest.FixtureRequest) -> Traffic:
    """Requests from the lab's probe pods."""
    asking = grading(request.config)
    return Traffic(asking.shells(), asking.context.probes, asking.journal)


@pytest.fixture
def params(request: pytest.FixtureRequest) -> Params:
    """The variant's params."""
    return Params(grading(request.config).context.params)


class Grading:
    """One run over one lab's checks."""

    context: Context
    journal: Journal
    expect: Expect

    def __init__(self, connect_to: Callable[[Path], Cluster] = connect) -> None:
        self.refused = False
        """Whether the checks themselves are wrong."""
        self._connect = connect_to
        self.begin()

    def begin(self) -> None:
        """Begins with what the environment says to be the context."""
        self.context = read_context(Path(os.environ[CONTEXT]))
        self.journal = Journal()
        self.expect = Expect(self.context.patience)
        self._calm = time.monotonic()
        self._results = Results(Path(self.context.results))
        self._outcomes = {task: Outcome(outcome) for task, outcome in self.context.known.items()}
        self._cluster: Cluster | None = None
        self._shells: Shells | None = None
        self._tampering: list[Tampering] | None = None
        self._process = os.getpid()
        self._results.begun()

    def connection(self) -> Cluster:
        """The connection that all checks share, made when the first one asks."""
        if self._cluster is None:
            self._cluster = self._connect(Path(self.context.kubeconfig))
        return self._cluster

    def shells(self) -> Shells:
        """The shells that all checks share."""
        if self._shells is None:
            self._shells = Shells(self.connection())
        return self._shells

    def pytest_sessionfinish(self) -> None:
        if self._shells is not None:
            self._shells.close()
        if self._cluster is not None:
            self._cluster.close()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            path = Path(self.context.folder) / "test_lab.py"
            self._refuse(Problem(path, 0, f"The checks cannot be loaded.\n{report.longreprtext}"))

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        checks: dict[str, pytest.Item] = {}
        for item in items:
            problem = self._misuse(item, checks)
            if problem:
                path, line, _ = item.reportinfo()
                self._refuse(Problem(Path(path), (line or 0) + 1, problem))
            else:
                checks[_task(item) or ""] = item
        missing = [task for task in self.context.needs if task not in checks]
        for task in missing if items else ():
            text = f'No check judges the task `{task}`: put `@task("{task}")` on one.'
            self._refuse(Problem(Path(self.context.folder) / "test_lab.py", 0, text))
        order = TopologicalSorter(self.context.needs).static_order()
        position = {task: index for index, task in enumerate(order)}
        items[:] = sorted(checks.values(), key=lambda item: position[_task(item) or ""])

    def pytest_runtestloop(self, session: pytest.Session) -> None:
        session.items[:] = [item for item in session.items if _task(item) not in self.context.known]

    def _refuse(self, problem: Problem) -> None:
        self.refused = True
        self._results.problem(problem)

    def _misuse(self, item: pytest.Item, checks: dict[str, pytest.Item]) -> str:
        task = _task(item)
        if task is None:
            return f'`{item.name}` judges no task: put `@task("…")` on it.'
        if task not in self.context.needs:
            return f"There is no task `{task}` in lab.yaml. {did_you_mean(task, self.context.needs)}"
        if task in checks:
            return f"The task `{task}` has two checks: `{checks[task].name}` and `{item.name}`."
        if not _claim(item):
            return f"`{item.name}` has no docstring, and that is what the learner reads."
        return ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        task = _task(item) or ""
        obstacle = self._unmet(task) or self._tampered(task)
        if obstacle:
            self._settle(Verdict(task, Outcome.BLOCKED, _claim(item), obstacle))
            item.add_marker(pytest.mark.skip(reason="blocked"))
            return (yield)
        self._results.started(task)
        self.journal.clear()
        points = self.context.points[task]
        self.expect = Expect(self.context.patience, points=points, journal=self.journal, calm=self._calm)
        try:
            with time_limit(self.context.check_limit):
                return (yield)
        finally:
            if self.journal.requested:
                self._calm = time.monotonic()

    def _unmet(self, task: str) -> Evidence | None:
        unmet = [need for need in self.context.needs[task] if self._outcomes.get(need) is not Outcome.PASS]
        return Evidence(why=f"needs: {', '.join(unmet)}") if unmet else None

    def _tampered(self, task: str) -> Evidence | None:
        """What keeps a task from being judged: something it relies on is not as the setup left it."""
        if not any(task in guard.tasks for guard in self.context.guards):
            return None
        if self._tampering is None:
            try:
                self._tampering = tampering(self.context.guards, ClusterView(self.connection()))
            except (LabcheckError, Failed):
                return None  # the check, which reads the same cluster, will meet and report it
            for found in self._tampering:
                self._results.tampering(found)
        changed = [found.object for found in self._tampering if task in found.tasks]
        why = f"relies on {', '.join(changed)}, which is not as the lab set it up"
        return (
            Evidence(why=why, next=f"Change it back, or begin again: labcheck reset {self.context.lab}")
            if changed
            else None
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """The report for pytest: without a traceback, which nobody reads and costs more than most claims."""
        if os.getpid() != self._process:
            os._exit(1)  # a check forked, and this is the copy: it has no business here
        task = _task(item) or ""
        if task not in self._outcomes and (call.when == "call" or call.excinfo is not None):
            self._results.seen(task, self.journal)
            self._settle(self._judge(task, item, call))
        assert call.when != "collect"
        outcome: Literal["passed", "failed"] = "passed" if call.excinfo is None else "failed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)

    def _judge(self, task: str, item: pytest.Item, call: pytest.CallInfo[None]) -> Verdict:
        if call.excinfo is None:
            return Verdict(
                task, Outcome.PASS, _claim(item), notes=tuple(self.expect.notes), seconds=call.duration
            )
        outcome, evidence = explain(call.excinfo.value)
        where = _where(item, call.excinfo)
        parts = tuple(self.expect.parts) if outcome is Outcome.FAIL else ()
        return Verdict(task, outcome, _claim(item), evidence, where=where, seconds=call.duration, parts=parts)

    def _settle(self, verdict: Verdict) -> None:
        self._outcomes[verdict.task] = verdict.outcome
        self._results.verdict(verdict)


def explain(error: BaseException) -> tuple[Outcome, Evidence]:
    """What an exception out of a check says: that a claim failed, or that we could not look."""
    match error:
        case Failed():
            return Outcome.FAIL, error.evidence
        case AssertionError():
            return Outcome.FAIL, Evidence("the check's assertion holds", str(error).split("\n")[0])
        case OutOfTime():
            return Outcome.UNGRADABLE, Evidence(observed=str(error), next="Grade again.")
        case LabcheckError():
            return Outcome.UNGRADABLE, Evidence(observed=error.fact, why=error.evidence, next=error.next_step)
        case _:
            return Outcome.UNGRADABLE, Evidence(
                observed=f"The check itself broke: {type(error).__name__}: {error}",
                next="This is a fault of the lab, not of your answer.",
            )


def _task(item: pytest.Item) -> str | None:
    return task_of(getattr(item, "obj", None))


def _claim(item: pytest.Item) -> str:
    documentation = getattr(getattr(item, "obj", None), "__doc__", None) or ""
    return documentation.strip().split("\n")[0].strip()


def _where(item: pytest.Item, raised: pytest.ExceptionInfo[BaseException]) -> str:
    """The innermost line of the lab's own file that the exception passed through."""
    file = str(item.path)
    lines = [line for frame, line in walk_tb(raised.tb) if frame.f_code.co_filename == file]
    return f"{item.path.name}:{lines[-1]}" if lines else item.path.name
