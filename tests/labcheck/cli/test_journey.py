"""A learner's way from `up` to `down`, on the stand-in for the cluster."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from labcheck.cli.main import run
from labcheck.cli.options import Session
from labcheck.environments.state import StateFolder

MakeLab = Callable[..., Path]
Command = Callable[..., int]


@pytest.fixture
def command(make_lab: MakeLab, state: StateFolder) -> Command:
    labs = make_lab().parent
    return lambda *words: run(["--labs", str(labs), *words], Session())


def test_from_up_to_down(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("up", "7") == 0
    assert "Ready in" in capsys.readouterr().out
    assert command("up", "7") == 0
    assert "It runs already (embedded, seed 1)." in capsys.readouterr().out
    assert command("grade", "7") == 1
    graded = capsys.readouterr().out
    assert "2/5  not yet" in graded
    assert "kubectl get all" in graded
    assert command("reset", "7") == 0
    assert command("status") == 0
    assert "lab-07-sample   ready" in capsys.readouterr().out
    assert command("down", "7") == 0
    assert command("down", "7") == 0
    assert "lab-07-sample is gone.\nlab-07-sample is not running." in capsys.readouterr().out


def test_a_grading_for_programs(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    command("up", "7")
    capsys.readouterr()
    assert command("grade", "7", "--json") == 1
    assert json.loads(capsys.readouterr().out)["result"] == "not yet"


def test_the_first_hint_is_computed_and_the_others_come_one_by_one(
    command: Command, make_lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = (make_lab() / "test_lab.py").read_text().replace('expect.note("seen")', 'expect.fail("x")')
    make_lab({"test_lab.py": checks})
    command("up", "7")
    capsys.readouterr()
    for words in (
        "Not yet right: The namespace is there.\nHint 1 of 2 is free: labcheck hint lab-07 first\n",
        "Hint 1 of 2: Look around.",
        "Hint 2 of 2: It is called",
        "There are no more hints.",
    ):
        assert command("hint", "7") == 0
        assert words in capsys.readouterr().out


def test_a_hint_says_what_is_and_not_what_should_be(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command("up", "7")
    capsys.readouterr()
    assert command("hint", "7") == 0
    assert capsys.readouterr().out == (
        "It holds something\nNot yet right: the number.\nNow: 1.\nSee it: kubectl get all\n"
    )
    assert command("hint", "7", "secnd") == 2
    assert "Did you mean `second`?" in capsys.readouterr().err


def test_a_hint_is_paid_for_only_where_the_lab_says_so_and_with_consent(
    command: Command, make_lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    make_lab({"lab.yaml": (make_lab() / "lab.yaml").read_text() + "hint_price: 1\n"})
    command("up", "7")
    capsys.readouterr()
    assert command("hint", "7", "first") == 0
    offer = "Hint 1 of 2 costs 1 point of the 2 that the task is worth."
    assert capsys.readouterr().out.splitlines()[1] == f"{offer} To see it: labcheck hint lab-07 first --yes"
    command("grade", "7", "--json")
    assert json.loads(capsys.readouterr().out)["score"] == 2
    command("hint", "7", "first", "--yes")
    command("grade", "7")
    assert "1/2  The namespace is there.  seen; 1 less for hints" in capsys.readouterr().out


def test_explain_shows_what_the_last_grading_saw(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command("up", "7")
    assert command("explain", "7", "second") == 2
    assert "Grade it: labcheck grade lab-07" in capsys.readouterr().err
    command("grade", "7")
    capsys.readouterr()
    assert command("explain", "7", "second") == 0
    assert "Claims\n  no   the number: 2\n       observed: 1\n" in capsys.readouterr().out
    assert command("explain", "7", "second", "--json") == 0
    assert json.loads(capsys.readouterr().out)["entries"][0]["result"] == "1"


def test_the_solution_opens_for_whoever_passes_or_gives_up(
    command: Command, make_lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    make_lab({"solutions/another-one.md": "```sh run\necho another\n```\n"})
    command("up", "7")
    assert command("solution", "7") == 2
    assert "labcheck solution lab-07 --give-up" in capsys.readouterr().err
    assert command("solution", "7", "--give-up") == 0
    shown = capsys.readouterr().out
    assert "Way 1 of 2: the reference" in shown
    assert "Way 2 of 2: another one" in shown
    command("grade", "7", "--json")
    assert json.loads(capsys.readouterr().out)["gave_up"] is True


def test_the_solution_of_a_lab_that_was_passed_stays_open(
    command: Command, make_lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = (make_lab() / "test_lab.py").read_text().replace("expected=2", "expected=1")
    make_lab({"test_lab.py": checks})
    command("up", "7")
    assert command("grade", "7") == 0
    assert command("reset", "7") == 0
    capsys.readouterr()
    assert command("solution", "7") == 0
    assert "echo this solves the lab" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("form", "beginning"),
    [("github", "::error file="), ("classroom", "eyJ2ZXJzaW9uIjog"), ("json", "{"), ("text", "lab-07")],
)
def test_a_grading_in_each_format(
    command: Command, capsys: pytest.CaptureFixture[str], tmp_path: Path, form: str, beginning: str
) -> None:
    command("up", "7")
    capsys.readouterr()
    assert command("grade", "7", "--format", form, "--junit", str(tmp_path / "report.xml")) == 1
    assert capsys.readouterr().out.startswith(beginning)
    assert (tmp_path / "report.xml").read_text().startswith("<?xml")


def test_a_report_that_cannot_be_written_is_wrong_usage(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command("up", "7")
    assert command("grade", "7", "--junit", "/nowhere/report.xml") == 2
    assert "/nowhere/report.xml cannot be written" in capsys.readouterr().err


def test_what_is_piped_has_no_colour_and_no_blanks_at_the_end(command: Command, make_lab: MakeLab) -> None:
    command("up", "7")
    words = ["-m", "labcheck", "--labs", str(make_lab().parent), "grade", "7"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert "\x1b" not in done.stdout
    assert all(line == line.rstrip() for line in done.stdout.splitlines())


@pytest.mark.parametrize("verb", ["grade", "hint", "explain"])
@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        pytest.param({"TERM": "xterm"}, True, id="a terminal"),
        pytest.param({"TERM": "xterm", "NO_COLOR": "1"}, False, id="no colour wanted"),
    ],
)
def test_colour_is_for_terminals_whose_owners_want_it(
    command: Command, make_lab: MakeLab, verb: str, variables: dict[str, str], coloured: bool
) -> None:
    command("up", "7")
    command("grade", "7")
    words = [sys.executable, "-m", "labcheck", "--labs", str(make_lab().parent), verb, "7"]
    words += ["second"] if verb == "explain" else []
    ours, theirs = os.openpty()
    subprocess.run(words, stdout=theirs, env=os.environ | variables, check=False)
    os.close(theirs)
    printed = b""
    with contextlib.suppress(OSError):  # Linux: how a terminal says that nobody writes to it any more
        while chunk := os.read(ours, 4096):
            printed += chunk
    os.close(ours)
    assert (b"\x1b[" in printed) is coloured


def test_a_seed_is_kept_until_down(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    command("up", "7", "--seed", "4")
    assert command("up", "7") == 0
    assert "(embedded, seed 4)" in capsys.readouterr().out.split("It runs already")[1]
    assert command("up", "7", "--seed", "5") == 2
    assert "labcheck down lab-07-sample" in capsys.readouterr().err


def test_env_is_what_a_shell_needs(
    command: Command, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command("up", "7")
    capsys.readouterr()
    assert command("env", "7") == 0
    script = capsys.readouterr().out + 'echo "$LABCHECK_LAB $KUBECONFIG"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    kubeconfig = tmp_path / "state" / "environments" / "lab-07-sample" / "kubeconfig"
    assert done.stdout == f"lab-07-sample {kubeconfig}\n"


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_shell_is_the_learners_own(command: Command, make_lab: MakeLab, shell: str) -> None:
    command("up", "7")
    words = ["-m", "labcheck", "--labs", str(make_lab().parent), "shell", "7"]
    done = subprocess.run(
        [sys.executable, *words],
        input="echo in $LABCHECK_LAB; exit 5\n",
        env=os.environ | {"SHELL": shell},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("in lab-07-sample\n", 5)


def test_solution_can_be_carried_out(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    command("up", "7")
    capsys.readouterr()
    assert command("solution", "7", "--give-up", "--run") == 0
    assert "    echo this solves the lab\nthis solves the lab\n" in capsys.readouterr().out


def test_down_all_ends_every_lab(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    command("up", "7")
    assert command("down", "--all") == 0
    assert command("down", "--all") == 0
    assert capsys.readouterr().out.endswith("lab-07-sample is gone.\nNo lab is running.\n")


def test_ctrl_c_during_up_leaves_nothing(make_lab: MakeLab, state: StateFolder, controls: Path) -> None:
    (controls / "never-ready").touch()
    code = (
        "import sys; from labcheck.environments import embedded; from labcheck.cli import main;"
        f"embedded.PROGRAM = (sys.executable, {str(Path(__file__).parents[1] / 'fake_cluster.py')!r}); main()"
    )
    words = ["--labs", str(make_lab().parent), "up", "7"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    pid = state.environment("lab-07-sample").cluster / "pid"
    deadline = time.monotonic() + 20
    while not (pid.exists() and pid.read_text()):
        assert time.monotonic() < deadline
    daemon = int(pid.read_text())
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors.strip()) == (130, "Interrupted.")
    assert state.environments() == []
    assert not Path(f"/proc/{daemon}").exists()


def test_ctrl_c_during_grade_stops_the_checks(command: Command, make_lab: MakeLab, tmp_path: Path) -> None:
    hang = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    checks = (make_lab() / "test_lab.py").read_text().replace('expect.note("seen")', hang)
    labs = make_lab({"test_lab.py": checks}).parent
    command("up", "7")
    words = [sys.executable, "-m", "labcheck", "--labs", str(labs), "grade", "7"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()):
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors.strip()) == (130, "Interrupted.")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
