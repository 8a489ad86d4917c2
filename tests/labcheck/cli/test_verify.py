"""`verify` as CI calls it, on the stand-in for the cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from labcheck.cli.main import run
from labcheck.cli.options import Session

MakeLab = Callable[..., Path]
Verify = Callable[..., int]


@pytest.fixture
def verify(make_lab: MakeLab, controls: Path) -> Verify:
    labs = make_lab().parent
    return lambda *words: run(["--labs", str(labs), "verify", *words], Session())


def test_problems_are_shown_at_once_and_counted_in_a_table(
    verify: Verify, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert verify("7", "--seeds", "1", "--jobs", "1", "--junit", str(tmp_path / "found.xml")) == 1
    said = capsys.readouterr().out
    assert "FAIL  lab-07-sample  seed 1  untouched" in said
    assert "passes first, which must be lost" in said
    assert "9 trials, 3 problems" in said
    suites = ElementTree.parse(tmp_path / "found.xml").getroot()
    assert [(it.get("name"), it.get("failures")) for it in suites] == [
        ("lab-07-sample", "0"),
        ("lab-07-sample seed 1", "3"),
    ]


def test_proofs_for_programs(verify: Verify, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify("--seeds", "2,4", "--json") == 1
    proofs = json.loads(capsys.readouterr().out)
    assert {it["seed"] for it in proofs} == {0, 2, 4}
    assert [it["problem"] for it in proofs if it["what"] == "mistake wrong"] == ["", ""]


@pytest.mark.parametrize(
    ("seeds", "tried"),
    [
        pytest.param([], {"mistake wrong": {1, 2, 3}, "solution": {1, 2, 3, 4}}, id="none named"),
        pytest.param(["--seeds", "2"], {"mistake wrong": {2}, "solution": {2}}, id="one named"),
    ],
)
def test_seeds_are_tried_until_each_fault_has_been(
    make_lab: MakeLab,
    verify: Verify,
    capsys: pytest.CaptureFixture[str],
    seeds: list[str],
    tried: dict[str, set[int]],
) -> None:
    text = (make_lab() / "lab.yaml").read_text().replace("[10, 20]", "[10, 20, 30]")
    make_lab({"lab.yaml": f"{text}faults: [share]\n"})
    verify("7", "--json", *seeds)
    proofs = json.loads(capsys.readouterr().out)
    assert {what: {it["seed"] for it in proofs if it["what"] == what} for what in tried} == tried


def test_a_lab_whose_files_are_wrong_is_not_tried(
    make_lab: MakeLab, verify: Verify, capsys: pytest.CaptureFixture[str]
) -> None:
    make_lab({"lab.yaml": "id: 7\n"})
    assert verify() == 2
    said = capsys.readouterr().out
    assert "lab.yaml" in said
    assert "untouched" not in said


@pytest.mark.parametrize("seeds", ["", "x", "3-1", "1,,2", "-1"])
def test_seeds_that_mean_nothing_are_refused(
    verify: Verify, capsys: pytest.CaptureFixture[str], seeds: str
) -> None:
    assert verify(f"--seeds={seeds}") == 2
    assert "write 1-3, 7 or 1,4,9" in capsys.readouterr().err


def test_some_trials_can_be_chosen_by_their_names(verify: Verify, capsys: pytest.CaptureFixture[str]) -> None:
    verify("7", "--seeds", "1", "--only", "mistake", "--json")
    tried = {proof["what"] for proof in json.loads(capsys.readouterr().out)}
    assert "mistake nothing" in tried
    assert not {"untouched", "solution", "guide"} & tried


def test_a_name_that_no_trial_has_is_refused(verify: Verify, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify("7", "--seeds", "1", "--only", "nonesuch") == 2
    assert "No trial has `nonesuch` in its name." in capsys.readouterr().err


def test_a_lab_that_does_not_run_there_is_skipped_unless_it_is_named(
    verify: Verify, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify("--provider", "kind") == 0
    assert "SKIP  lab-07-sample  trials: it runs on embedded only" in capsys.readouterr().out
    assert verify("7", "--provider", "kind") == 2
    assert "lab-07-sample does not run on `kind`" in capsys.readouterr().err


def test_in_one_cluster_labs_are_tried_one_after_another(
    make_lab: MakeLab, verify: Verify, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_lab()
    text = (folder / "lab.yaml").read_text().replace("[embedded]", "[embedded, existing]")
    (folder / "lab.yaml").write_text(text)
    assert verify("7", "--provider", "existing", "--context", "x", "--jobs", "2") == 2
    assert "Leave out --jobs." in capsys.readouterr().err


def test_proofs_tell_what_became_of_each_task(verify: Verify, capsys: pytest.CaptureFixture[str]) -> None:
    verify("7", "--seeds", "1", "--only", "mistake wrong", "--json")
    (proof,) = [it for it in json.loads(capsys.readouterr().out) if it["what"] == "mistake wrong"]
    assert proof["tasks"] == {"first": "pass", "second": "fail"}
