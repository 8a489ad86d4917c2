from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labcheck.errors import UsageError
from labcheck.lab.find import choose, lab_folders, labs_folder, matches

MakeLab = Callable[..., Path]
IDS = ["lab-03-waypoint", "lab-13-other", "lab-30-more", "exam-01"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("3", ["lab-03-waypoint"]),
        ("03", ["lab-03-waypoint"]),
        ("lab-03", ["lab-03-waypoint"]),
        ("lab-3", ["lab-03-waypoint"]),
        ("lab3", ["lab-03-waypoint"]),
        ("lab-03-waypoint", ["lab-03-waypoint"]),
        ("13", ["lab-13-other"]),
        ("exam", ["exam-01"]),
        ("1", []),
        ("lab", ["lab-03-waypoint", "lab-13-other", "lab-30-more"]),
        ("waypoint", []),
    ],
)
def test_a_lab_may_be_named_in_short(name: str, found: list[str]) -> None:
    assert matches(name, IDS) == found


def test_a_near_miss_is_suggested(make_lab: MakeLab) -> None:
    folder = make_lab().parent
    with pytest.raises(UsageError, match="Did you mean `lab-07-sample`"):
        choose("lab-07-sampel", folder)


def test_a_name_of_several_labs_is_refused(make_lab: MakeLab) -> None:
    folder = make_lab().parent
    make_lab(name="lab-08-second")
    with pytest.raises(UsageError, match="may mean lab-07-sample or lab-08-second"):
        choose("lab", folder)


def test_labs_of_the_working_directory_come_before_the_installed_ones(tmp_path: Path) -> None:
    (tmp_path / "labs").mkdir()
    assert labs_folder(None, tmp_path) == tmp_path / "labs"


def test_a_checkout_has_its_labs_beside_the_checker(tmp_path: Path) -> None:
    assert "lab-03-waypoint" in [path.name for path in lab_folders(labs_folder(None, tmp_path))]


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no folder"):
        labs_folder(tmp_path / "nowhere", tmp_path)
