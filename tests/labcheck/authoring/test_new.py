from __future__ import annotations

import re
from pathlib import Path

import pytest

from labcheck.authoring.lint import lint
from labcheck.authoring.new import TEMPLATES, new
from labcheck.authoring.reading import read
from labcheck.authoring.unwritten import unwritten
from labcheck.cli.authors import new_command
from labcheck.cli.main import run
from labcheck.cli.options import Session
from labcheck.errors import UsageError
from labcheck.lab.load import load
from labcheck.lab.model import Lab


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("number", range(40, 60))
def test_a_new_lab_is_sound_whatever_its_id(tmp_path: Path, template: str, number: int) -> None:
    new(tmp_path / "labs", f"lab-{number}-a-gateway", template)
    assert lint(tmp_path / "labs" / f"lab-{number}-a-gateway") == []


def test_a_new_lab_has_its_name_everywhere(tmp_path: Path) -> None:
    files = new(tmp_path, "lab-07-first-gateway", "guided")
    lab: Lab = load(tmp_path / "lab-07-first-gateway").lab
    assert (lab.id, lab.title) == ("lab-07-first-gateway", "First gateway")
    assert not [path for path in files if re.search("@[A-Z]+@", path.read_text())]


def test_what_is_to_be_written_is_listed_until_it_is(tmp_path: Path) -> None:
    new(tmp_path, "lab-07-gateway", "challenge")
    folder = tmp_path / "lab-07-gateway"
    found = list(unwritten(folder))
    assert f"{folder}/lab.yaml:2: To write: a title in a few words" in map(str, found)
    assert "To write: the reference solution; it must not mind being carried out twice" in {
        it.text for it in found
    }
    assert [(it.what, bool(it.problem)) for it in read(folder)] == [("lint", False), ("written", True)]
    for path in {it.path for it in found}:
        path.write_text(re.sub("WRITE:", "", path.read_text()))
    assert list(unwritten(folder)) == []


@pytest.mark.parametrize(
    ("lab_id", "said"),
    [
        ("gateway", "`gateway` is no id for a lab."),
        ("lab-7", "`lab-7` is no id for a lab."),
        ("lab-07-Gateway", "`lab-07-Gateway` is no id for a lab."),
        ("../lab-07-x", "is no id for a lab."),
        ("lab-7-other", "The number 7 belongs to lab-07-gateway."),
    ],
)
def test_an_id_that_cannot_be_is_refused(tmp_path: Path, lab_id: str, said: str) -> None:
    new(tmp_path, "lab-07-gateway", "guided")
    with pytest.raises(UsageError, match=re.escape(said)):
        new(tmp_path, lab_id, "guided")


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lab-07-gateway").mkdir()
    with pytest.raises(UsageError, match="exists already"):
        new(tmp_path, "lab-07-gateway", "guided")


def test_the_command_says_what_to_do_next(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", "lab-07-gateway"], Session()) == 0
    said = capsys.readouterr().out
    assert "created labs/lab-07-gateway/lab.yaml" in said
    assert "labs/lab-07-gateway/lab.yaml:2: To write: a title in a few words" in said
    assert said.endswith("Then: labcheck lint lab-07-gateway\nAnd:  labcheck verify lab-07-gateway\n")


def test_the_command_offers_every_template() -> None:
    [option] = [it for it in new_command.params if it.name == "template"]
    assert tuple(option.type.choices) == TEMPLATES  # type: ignore[attr-defined]
