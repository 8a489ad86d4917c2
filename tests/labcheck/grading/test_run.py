"""Gradings of labs whose checks need no cluster: what becomes of each way that a check can end."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labcheck.checks.verdict import Outcome
from labcheck.errors import AuthorError, EnvironmentTrouble
from labcheck.grading.report import Report, TaskResult
from labcheck.grading.run import grade
from labcheck.lab.load import load
from labcheck.lab.variant import variant

MakeLab = Callable[..., Path]
HEAD = "from labcheck.checks import task\n"


def judge(folder: Path, **options: Any) -> Report:
    return grade(variant(load(folder), 1), Path("/nowhere/kubeconfig"), "embedded", 0.0, **options)


def check(task: str, body: str, fixtures: str = "expect, params") -> str:
    return f'@task("{task}")\ndef test_{task}({fixtures}):\n    """Claim of {task}."""\n    {body}\n\n'


PASSES = check("second", "pass")


def apart(make_lab: MakeLab, checks: str) -> Path:
    """A lab with two tasks that do not need each other."""
    lab = (make_lab() / "lab.yaml").read_text().replace("    needs: [first]\n", "")
    return make_lab({"lab.yaml": lab, "test_lab.py": checks})


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
    checks = HEAD + check("first", body) + PASSES
    report = judge(apart(make_lab, checks), check_limit=1)
    assert [it.outcome for it in report.tasks] == [Outcome.UNGRADABLE, Outcome.PASS]
    assert report.tasks[0].evidence.observed == "The check did not finish within 1 s."
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and "sleep" in Path(f"/proc/{pid}/cmdline").read_text():
        assert time.monotonic() < deadline


DEAF = """
    while True:
        try:
            __import__("time").sleep(60)
        except BaseException:
            pass
"""


@pytest.mark.parametrize(
    ("body", "observed"),
    [
        pytest.param("import os; os._exit(0)", "before its process ended", id="ends Python"),
        pytest.param("import os; os.kill(os.getpid(), 9)", "before its process ended", id="is killed"),
        pytest.param("import os; os.killpg(0, 9)", "before its process ended", id="kills its group"),
        pytest.param("1 / 0", "The check itself broke", id="raises"),
        pytest.param("raise KeyboardInterrupt", "before its process ended", id="interrupts"),
        pytest.param("import sys; sys.exit(7)", "The check itself broke", id="exits"),
        pytest.param("cluster = params.nothing", "The check itself broke", id="asks for what is not"),
        pytest.param("eval('(' * 300)", "The check itself broke", id="drives the parser mad"),
    ],
)
def test_what_one_check_does_costs_no_other(make_lab: MakeLab, body: str, observed: str) -> None:
    costs_no_other(judge(apart(make_lab, HEAD + check("first", body) + PASSES)), observed)


@pytest.mark.parametrize(
    ("body", "limits", "observed"),
    [
        pytest.param("import time; time.sleep(60)", {"check_limit": 2}, "within 2 s", id="sleeps"),
        pytest.param(DEAF, {"check_limit": 1, "time_limit": 6}, "within 6 s", id="cannot be interrupted"),
    ],
)
def test_a_check_that_never_ends_costs_no_other(
    make_lab: MakeLab, body: str, limits: dict[str, float], observed: str
) -> None:
    checks = HEAD + check("first", body) + PASSES
    costs_no_other(judge(apart(make_lab, checks), **limits), f"did not finish {observed}")


def costs_no_other(report: Report, observed: str) -> None:
    assert observed in report.tasks[0].evidence.observed
    assert [it.outcome for it in report.tasks] == [Outcome.UNGRADABLE, Outcome.PASS]
    assert (report.score, report.exit_code) == (3, 3)


ENDS_LATER = """
    import os, threading
    threading.Thread(target=lambda: (threading.main_thread().join(0.3), os._exit(1))).start()
"""


def test_a_check_that_ends_python_after_its_verdict_costs_no_other(make_lab: MakeLab) -> None:
    waits = check("second", "import time; time.sleep(1)")
    report = judge(apart(make_lab, HEAD + check("first", ENDS_LATER) + waits))
    assert report.tasks[0].outcome is Outcome.PASS
    assert "before its process ended" in report.tasks[1].evidence.observed


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("print('x' * 100000); __import__('sys').stderr.write('y')", id="prints"),
        pytest.param("__import__('os').fork()", id="forks"),
        pytest.param("__import__('os').system('sleep 60 &')", id="leaves a process"),
        pytest.param("open('left', 'w').write('x')", id="writes where it is"),
        pytest.param("__import__('os').chdir('/')", id="goes away"),
        pytest.param("__import__('os').close(1)", id="closes its output"),
        pytest.param("__import__('os').environ.clear()", id="clears its environment"),
        pytest.param("__import__('logging').error('x'); __import__('warnings').warn('x')", id="warns"),
    ],
)
def test_what_a_check_does_beside_its_work_changes_nothing(make_lab: MakeLab, body: str) -> None:
    folder = make_lab({"test_lab.py": HEAD + check("first", body) + PASSES})
    before = sorted(str(path) for path in folder.rglob("*"))
    started = time.monotonic()
    assert [it.outcome for it in judge(folder).tasks] == [Outcome.PASS, Outcome.PASS]
    assert sorted(str(path) for path in folder.rglob("*")) == before
    assert time.monotonic() - started < 40


def test_checks_that_are_never_read_to_their_end_are_the_authors(make_lab: MakeLab) -> None:
    folder = make_lab({"test_lab.py": "import time\ntime.sleep(60)\n" + HEAD + PASSES})
    with pytest.raises(AuthorError, match=r"test_lab\.py: It was not read within 2 s"):
        judge(folder, time_limit=2)


def test_checks_that_are_not_utf_8_are_the_authors(make_lab: MakeLab) -> None:
    folder = make_lab()
    (folder / "test_lab.py").write_bytes((HEAD + check("first", "pass") + PASSES).encode() + b"# caf\xe9\n")
    with pytest.raises(AuthorError, match=r"test_lab\.py: This file cannot be read: 'utf-8'"):
        judge(folder)


def parts(*lines: str) -> str:
    return HEAD + PASSES + check("first", "\n    ".join(lines))


@pytest.mark.parametrize(
    ("lines", "outcome", "score"),
    [
        pytest.param(["expect.part(1, 'half')", "expect.fail('all')"], Outcome.FAIL, 1, id="kept"),
        pytest.param(["expect.fail('all')", "expect.part(1, 'half')"], Outcome.FAIL, 0, id="not reached"),
        pytest.param(["expect.part(1, 'half')"], Outcome.PASS, 2, id="a pass is a pass"),
        pytest.param(["expect.part(2, 'all')"], Outcome.UNGRADABLE, 0, id="as much as the task"),
        pytest.param(["expect.part(1, 'a')", "expect.part(1, 'b')"], Outcome.UNGRADABLE, 0, id="in sum"),
        pytest.param(["expect.part(1, 'half')", "1 / 0"], Outcome.UNGRADABLE, 0, id="broken after it"),
        pytest.param(["expect.part(-1, 'x')", "expect.fail('y')"], Outcome.UNGRADABLE, 0, id="negative"),
    ],
)
def test_a_task_that_fails_keeps_the_parts_that_held(
    make_lab: MakeLab, lines: list[str], outcome: Outcome, score: int
) -> None:
    found = first(judge(make_lab({"test_lab.py": parts(*lines)})))
    assert (found.outcome, found.score) == (outcome, score)
    assert found.score <= found.points


def test_hints_cost_what_the_lab_says_and_never_more_than_was_earned(make_lab: MakeLab) -> None:
    lab = (make_lab() / "lab.yaml").read_text() + "hint_price: 1\n"
    folder = make_lab({"lab.yaml": lab, "test_lab.py": HEAD + check("first", "pass") + PASSES})
    report = judge(folder, hints={"first": 5, "second": 1})
    assert [(it.score, it.deducted) for it in report.tasks] == [(0, 2), (2, 1)]
    assert (report.score, report.result) == (2, "passed")


def test_what_a_check_looked_at_is_kept(make_lab: MakeLab) -> None:
    (seen,) = [it for it in judge(make_lab()).seen if it.task == "second"]
    assert [(it.kind, it.text, it.result) for it in seen.entries] == [("claim", "the number: 2", "1")]


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
