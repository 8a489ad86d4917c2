from __future__ import annotations

import json
from pathlib import Path

import pytest

from labcheck.cli.main import run
from labcheck.cli.options import Session


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with a kubectl that fits and a kind that does not."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name, says in (("kubectl", "Client Version: v1.36.1"), ("kind", "kind v0.20.0 go1.20")):
        (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_tools_says_which_fit(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tools"], Session()) == 3
    said = capsys.readouterr().out
    assert f"kubectl   1.36.1 ({programs}/kubectl)" in said
    assert "labcheck tools install kind" in said
    assert "helm      not installed" in said


def test_tools_tells_programs(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["tools", "--json"], Session())
    found = json.loads(capsys.readouterr().out)
    assert found["kubectl"] == {"path": f"{programs}/kubectl", "version": "1.36.1", "fits": True}
    assert found["kind"]["fits"] is False
    assert found["helm"] is None


def test_what_was_fetched_is_found(
    programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetched = tmp_path / "state" / "tools"
    fetched.mkdir(parents=True)
    (fetched / "kind").write_text("#!/bin/sh\necho kind v0.32.0\n")
    (fetched / "kind").chmod(0o755)
    run(["tools", "--json"], Session())
    assert json.loads(capsys.readouterr().out)["kind"]["path"] == str(fetched / "kind")


def test_a_tool_that_there_is_not_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tools", "install", "kubctl"], Session()) == 2
    assert "Did you mean `kubectl`?" in capsys.readouterr().err
