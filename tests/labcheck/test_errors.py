from __future__ import annotations

from pathlib import Path

import pytest

from labcheck.errors import AuthorError, LabcheckError, Problem, UsageError, did_you_mean


@pytest.mark.parametrize(
    ("wrong", "valid", "sentence"),
    [
        pytest.param("tittle", ["id", "title"], "Did you mean `title`?", id="a letter too many"),
        pytest.param("TITLE", ["id", "title"], "Did you mean `title`?", id="another case"),
        pytest.param("zzz", ["b", "a"], "Valid are `a`, `b`.", id="nothing near"),
        pytest.param("x", [], "There are none to choose from.", id="nothing at all"),
    ],
)
def test_the_nearest_valid_name_is_suggested(wrong: str, valid: list[str], sentence: str) -> None:
    assert did_you_mean(wrong, valid) == sentence


def test_a_message_is_fact_evidence_and_next_step() -> None:
    error = LabcheckError("It stopped.", evidence="exit 1", next_step="Start it.")
    assert str(error) == "It stopped.\nexit 1\nStart it."


def test_an_author_error_names_each_file_and_line() -> None:
    error = AuthorError([Problem(Path("lab.yaml"), 3, "Wrong."), Problem(Path("guide.md"), 0, "Missing.")])
    assert str(error) == "lab.yaml:3: Wrong.\nguide.md: Missing."


@pytest.mark.parametrize(("kind", "code"), [(LabcheckError, 3), (UsageError, 2), (AuthorError, 2)])
def test_each_error_has_its_exit_code(kind: type[LabcheckError], code: int) -> None:
    assert kind.exit_code == code
