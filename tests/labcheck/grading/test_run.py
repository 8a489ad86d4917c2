"""Gradings of labs whose checks need no cluster: what becomes of each way that a check can end."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from labcheck.checks.verdict import Outcome
from labcheck.errors import AuthorError, EnvironmentTrouble
from labcheck.grading.report import Report, TaskResult
from labcheck.grading.run import grade
from labcheck.lab.load import load
from labcheck.lab.variant import variant

MakeLab = Callable[..., Path]
HEAD = "from labcheck.checks import task\n"


def judge(folder: Path, *, time_limit: float = 60) -> Report:
    return grade(
        variant(load(folder), 1), Path("/nowhere/kubeconfig"), "embedded", 0.0, time_limit=time_limit
    )


def check(task: str, body: str, fixtures: str = "expect, params") -> str:
    return f'@task("{task}")\ndef test_{task}({fixtures}):\n    """Claim of {task}."""\n    {body}\n\n'


PASSES = check("second", "pass")


def first(report: Report) -> TaskResult:
    return report.tasks[0]


def test_a_lab_that_is_half_done(make_lab: MakeLab) -> None:
    report = judge(make_lab())
    assert [(it.id, it.outcome, it.score) for it in report.tasks] == [
        ("first", Outcome.PASS, 2),
        ("second", Outcome.FAIL, 0),
    ]
    assert (report.score, report.points, report.result, report.exit_code) == (2, 5, "not yet", 1)
    assert report.tasks[0].notes == ("seen",)
    assert report.tasks[1].evidence.expected == "the number: 2"
    assert report.tasks[1].where == "test_lab.py:13"


def test_a_lab_that_is_done(make_lab: MakeLab) -> None:
    report = judge(make_lab({"test_lab.py": HEAD + check("first", "pass") + PASSES}))
    assert (report.score, report.result, report.exit_code) == (5, "passed", 0)


def test_a_task_whose_need_failed_is_blocked(make_lab: MakeLab) -> None:
    report = judge(make_lab({"test_lab.py": HEAD + PASSES + check("first", "expect.fail('it is there')")}))
    assert [it.outcome for it in report.tasks] == [Outcome.FAIL, Outcome.BLOCKED]
    assert report.tasks[1].evidence.why == "needs: first"
    assert report.tasks[1].evidence.next.endswith(" first")


@pytest.mark.parametrize(
    ("body", "outcome", "observed"),
    [
        pytest.param("expect.fail('x', observed='y')", Outcome.FAIL, "y", id="a claim that fails"),
        pytest.param("assert params['share'] == 7", Outcome.FAIL, "assert 20 == 7", id="a bare assertion"),
        pytest.param(
            "1 / 0", Outcome.UNGRADABLE, "The check itself broke: ZeroDivisionError", id="an exception"
        ),
        pytest.param(
            "params.nothing", Outcome.UNGRADABLE, "The check itself broke: AttributeError", id="a param"
        ),
        pytest.param(
            "import sys; sys.exit(0)", Outcome.UNGRADABLE, "The check itself broke: SystemExit", id="an exit"
        ),
        pytest.param(
            "import pytest; pytest.skip('x')", Outcome.UNGRADABLE, "The check itself broke", id="a skip"
        ),
        pytest.param(
            "import pytest; pytest.fail('x')", Outcome.UNGRADABLE, "The check itself broke", id="pytest's"
        ),
        pytest.param(
            "import os; os._exit(0)", Outcome.UNGRADABLE, "did not finish before its", id="a sudden end"
        ),
    ],
)
def test_each_way_that_a_check_can_end(make_lab: MakeLab, body: str, outcome: Outcome, observed: str) -> None:
    found = first(judge(make_lab({"test_lab.py": HEAD + check("first", body) + PASSES})))
    assert found.outcome is outcome
    assert observed in found.evidence.observed


def test_a_check_that_breaks_is_named_with_its_line(make_lab: MakeLab) -> None:
    checks = HEAD + "\ndef helper():\n    1 / 0\n\n" + check("first", "helper()") + PASSES
    assert first(judge(make_lab({"test_lab.py": checks}))).where == "test_lab.py:4"


def test_a_cluster_that_cannot_be_reached_is_ungradable(make_lab: MakeLab) -> None:
    checks = HEAD + check("first", "cluster.get('Namespace', 'x')", "cluster") + PASSES
    found = first(judge(make_lab({"test_lab.py": checks})))
    assert found.outcome is Outcome.UNGRADABLE
    assert "kubeconfig" in found.evidence.observed


def test_a_check_that_hangs_is_stopped_with_its_children(make_lab: MakeLab, tmp_path: Path) -> None:
    body = f"import subprocess; subprocess.run(['sh', '-c', 'echo $$ > {tmp_path}/pid; exec sleep 60'])"
    report = judge(make_lab({"test_lab.py": HEAD + check("first", body) + PASSES}), time_limit=3)
    assert [it.outcome for it in report.tasks] == [Outcome.UNGRADABLE, Outcome.UNGRADABLE]
    assert report.tasks[0].evidence.observed == "The check did not finish within 3 s."
    assert report.tasks[1].evidence.observed == "The check was not reached: first did not finish."
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and "sleep" in Path(f"/proc/{pid}/cmdline").read_text():
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("checks", "message"),
    [
        pytest.param(HEAD + check("frist", "pass") + PASSES, "Did you mean `first`", id="an unknown task"),
        pytest.param(HEAD + PASSES, "No check judges the task `first`", id="a task without a check"),
        pytest.param(
            HEAD + PASSES + PASSES.replace("def test_", "def test_2"), "has two checks", id="two checks"
        ),
        pytest.param(
            HEAD + PASSES + "def test_x():\n    '''x'''\n", "judges no task", id="a check without a task"
        ),
        pytest.param(
            HEAD + '@task("first")\ndef test_x():\n    pass\n' + PASSES, "no docstring", id="no claim"
        ),
        pytest.param("import nothing_like_this\n", "cannot be loaded", id="an import that fails"),
        pytest.param("def test_(:\n", "cannot be loaded", id="no Python"),
    ],
)
def test_checks_that_are_wrong_are_the_authors(make_lab: MakeLab, checks: str, message: str) -> None:
    with pytest.raises(AuthorError, match=message):
        judge(make_lab({"test_lab.py": checks}))


def test_a_lab_without_any_check_cannot_be_run(make_lab: MakeLab) -> None:
    with pytest.raises((AuthorError, EnvironmentTrouble)):
        judge(make_lab({"test_lab.py": "# nothing yet\n"}))


def test_nothing_of_the_users_pytest_reaches_the_checks(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    folder = make_lab({"pytest.ini": "[pytest]\naddopts = --no-such-option\n", "pytest.py": "1 / 0\n"})
    (folder.parent / "conftest.py").write_text("1 / 0\n")
    assert judge(folder).score == 2


def test_nothing_is_left_behind_in_the_labs_folder(make_lab: MakeLab) -> None:
    folder = make_lab()
    before = sorted(str(path) for path in folder.rglob("*"))
    judge(folder)
    assert sorted(str(path) for path in folder.rglob("*")) == before


def test_a_report_is_json_with_a_schema(make_lab: MakeLab) -> None:
    data = json.loads(json.dumps(judge(make_lab()).to_json()))
    assert (data["schema"], data["result"], data["score"], data["points"]) == (1, "not yet", 2, 5)
    assert data["tasks"][1]["outcome"] == "fail"
    assert data["tasks"][1]["evidence"]["next"] == "kubectl get all"


def test_checks_see_the_graders_kubeconfig_only(make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/the/administrators")
    body = "import os; expect.equal('it', observed=os.environ['KUBECONFIG'], expected='/nowhere/kubeconfig')"
    assert (
        first(judge(make_lab({"test_lab.py": HEAD + check("first", body) + PASSES}))).outcome is Outcome.PASS
    )
    assert os.environ["KUBECONFIG"] == "/the/administrators"
