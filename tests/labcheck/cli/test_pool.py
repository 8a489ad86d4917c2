from __future__ import annotations

from pathlib import Path

import pytest

from labcheck.cli.main import run
from labcheck.cli.options import Session


@pytest.fixture
def made_ahead() -> Path:
    """A pool's cluster whose containers are gone already."""
    folder = Session().state.root / "pool" / "001"
    folder.mkdir(parents=True)
    (folder / "shape").write_text("node:1 nodes=1 istio=none")
    return folder


def test_what_was_made_ahead_is_listed(made_ahead: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pool"], Session()) == 0
    assert capsys.readouterr().out == "001  node:1 nodes=1 istio=none\n"


@pytest.mark.parametrize("words", [["pool", "--empty"], ["down", "--all"]])
def test_it_is_removed(made_ahead: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert run(words, Session()) == 0
    assert not made_ahead.exists()
    assert "001" in capsys.readouterr().out


def test_an_empty_pool_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pool"], Session()) == 0
    assert run(["pool", "--empty"], Session()) == 0
    assert capsys.readouterr().out == "No cluster was made ahead. Make one: labcheck pool LAB\n" * 2
