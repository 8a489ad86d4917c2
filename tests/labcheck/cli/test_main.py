from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from labcheck.cli.main import VERBS, labcheck, run
from labcheck.cli.options import Session, short_name
from labcheck.environments.state import StateFolder

MakeLab = Callable[..., Path]
Command = Callable[..., int]
HEAVY = {"pydantic", "kubernetes", "jinja2", "yaml", "rich", "pytest", "urllib3", "asyncio", "http", "email"}


@pytest.fixture
def command(make_lab: MakeLab) -> Command:
    labs = make_lab().parent
    return lambda *words: run(["--labs", str(labs), *words], Session())


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from labcheck.cli.main import run; from labcheck.cli.options import Session;"
        "run(['--help'], Session()); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split("\n")[-2].split()}
    assert not loaded & HEAVY


def test_every_verb_of_the_table_is_there() -> None:
    context = labcheck.make_context("labcheck", [], resilient_parsing=True)
    for verb in VERBS:
        found = labcheck.get_command(context, verb)
        assert found is not None
        assert found.name == verb


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param(["gradee", "7"], 2, "Did you mean `grade`?", id="verb"),
        pytest.param(["grade", "lab-07-sampel"], 2, "Did you mean `lab-07-sample`?", id="lab"),
        pytest.param(["grade"], 2, "Missing argument 'LAB'", id="no lab"),
        pytest.param(["grade", "7"], 2, "Start it: labcheck up lab-07-sample", id="not running"),
        pytest.param(["grade", "7", "--no-such"], 2, "No such option", id="option"),
        pytest.param(["grade", "7", "--format", "xml"], 2, "is not one of", id="format"),
        pytest.param(["watch", "7"], 2, "Start it: labcheck up lab-07-sample", id="watching nothing"),
        pytest.param(["explain", "7", "frist"], 2, "Did you mean `first`?", id="task"),
        pytest.param(["solution", "7"], 2, "--give-up", id="a solution too early"),
        pytest.param(["up", "7", "--provider", "kind"], 2, "it runs on embedded", id="unsupported provider"),
        pytest.param(["up", "7", "--provider", "kin"], 2, "Did you mean `kind`?", id="unknown provider"),
        pytest.param(["up", "7", "--seed", "x"], 2, "not a valid integer", id="seed"),
        pytest.param(["down"], 2, "Say which lab to end, or --all.", id="down what"),
        pytest.param(["--labs", "/nowhere", "list"], 2, "There is no folder /nowhere", id="labs folder"),
        pytest.param(
            ["list", "--labs", "/nowhere"], 2, "There is no folder /nowhere", id="labs folder after"
        ),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_to_do(
    command: Command, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    assert command(*words) == code
    assert message in capsys.readouterr().err


def test_kind_is_refused_on_a_machine_that_cannot_run_it(
    make_lab: MakeLab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    text = (make_lab() / "lab.yaml").read_text().replace("[embedded]", "[kind]")
    labs = make_lab({"lab.yaml": text}).parent
    assert run(["--labs", str(labs), "up", "7"], Session()) == 3
    said = capsys.readouterr().err
    assert "This machine cannot run the lab on kind yet" in said
    assert "labcheck tools install" in said


def test_a_broken_lab_ends_with_2_and_names_the_line(
    make_lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    labs = make_lab({"lab.yaml": "id: lab-07-sample\ntittle: x\n"}).parent
    assert run(["--labs", str(labs), "up", "7"], Session()) == 2
    assert "lab.yaml:2: There is no field `tittle` here. Did you mean `title`?" in capsys.readouterr().err


def test_what_we_did_not_expect_is_no_traceback(
    command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Session) -> StateFolder:
        raise RuntimeError("surprise")

    monkeypatch.setattr(Session, "state", property(broken))
    assert command("status") == 3
    assert "labcheck itself failed: RuntimeError: surprise" in capsys.readouterr().err
    with pytest.raises(RuntimeError):
        run(["status", "--debug"], Session())


def test_an_interrupt_ends_with_130(
    command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Session) -> StateFolder:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "state", property(interrupted))
    assert command("status") == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_state_folder_that_cannot_be_written_ends_with_3(
    command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LABCHECK_STATE", str(tmp_path / "file"))
    assert command("up", "7") == 3
    assert "cannot keep its state" in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_error(make_lab: MakeLab) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "labcheck", "--labs", str(make_lab().parent), "list"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("lab", "name"), [("lab-03-waypoint", "lab-03"), ("lab-03", "lab-03"), ("exam-one", "exam-one")]
)
def test_a_lab_is_named_to_learners_in_short(lab: str, name: str) -> None:
    assert short_name(lab) == name


def test_list_shows_labs_and_what_is_wrong_with_others(
    make_lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    make_lab({"lab.yaml": "nonsense: 1\n"}, name="lab-09-broken")
    assert run(["--labs", str(make_lab().parent), "list"], Session()) == 2
    seen = capsys.readouterr()
    assert "lab-07-sample   A sample" in seen.out
    assert "lab-09-broken/lab.yaml:1" in seen.err
    assert run(["--labs", str(make_lab().parent), "lint"], Session()) == 2


def test_solution_is_printed_without_a_running_lab(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("solution", "7", "--give-up") == 0
    assert "echo this solves the lab" in capsys.readouterr().out


def test_doctor_looks_at_this_machine(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    command("doctor", "--json")
    found = {it["what"] for it in json.loads(capsys.readouterr().out)}
    assert {"python", "kubectl", "embedded cluster", "state folder", "disk"} <= found


def test_doctor_names_the_fix_for_what_is_missing(
    command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert command("doctor") == 3
    assert "apt install kubernetes-client" in capsys.readouterr().out
