from __future__ import annotations

import json
from pathlib import Path

import pytest

from labcheck.cli.doctor import kubectl_version
from labcheck.cli.main import run
from labcheck.cli.options import Session


@pytest.mark.parametrize(
    ("told", "version"),
    [
        pytest.param(
            'Client Version: version.Info{Major:"1", Minor:"20", GitVersion:"v1.20.2", GitCommit:"f"}\n',
            "v1.20.2",
            id="a Go struct",
        ),
        pytest.param("Client Version: v1.36.4\nKustomize Version: v5.5.0\n", "v1.36.4", id="a line"),
        pytest.param("something else\n", "something else", id="neither"),
    ],
)
def test_the_version_of_kubectl_is_read_from_what_it_prints(told: str, version: str) -> None:
    assert kubectl_version(told) == version


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of its own."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def istioctl(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "istioctl").write_text(f"#!/bin/sh\necho client version: {version}\n")
    (folder / "istioctl").chmod(0o755)
    return folder / "istioctl"


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    run(["doctor", "--json"], Session())
    (found,) = [it for it in json.loads(capsys.readouterr().out) if it["what"] == "istioctl"]
    return {key: str(value) for key, value in found.items()}


@pytest.mark.parametrize(
    ("version", "advised"), [("1.30.3", ""), ("1.24.0", "labcheck tools install istioctl")]
)
def test_an_istioctl_on_the_path_is_named(
    programs: Path, capsys: pytest.CaptureFixture[str], version: str, advised: str
) -> None:
    path = istioctl(programs, version)
    found = said(capsys)
    assert found["found"] == f"{version} ({path}), a real one"
    assert advised in found["fix"]
    assert found["minor"] == "True"


def test_without_one_it_is_said_that_the_stand_in_serves(
    programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = tmp_path / "environments" / "lab-01-install"
    istioctl(environment / "bin", "1.30.3")
    (environment / "record.json").write_text("{}")
    monkeypatch.setenv("PATH", f"{programs}:{environment / 'bin'}")
    assert "the embedded cluster's stand-in" in said(capsys)["found"]
