from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from labcheck.environments.standin import search_path
from labcheck.environments.state import EnvironmentFolder, Record


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    folder = tmp_path / "environments" / "lab-01-install"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """A folder with programs of these names that are not ours."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("istioctl", "pocketmesh"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder


def test_real_programs_leave_the_path_as_it_is(environment: Path, real: Path) -> None:
    path = f"/usr/bin:{real}"
    assert search_path(environment, path) == path


def test_only_what_is_missing_is_put_there(environment: Path, real: Path) -> None:
    (real / "pocketmesh").unlink()
    assert search_path(environment, str(real)) == f"{real}:{environment / 'bin'}"
    assert [it.name for it in (environment / "bin").iterdir()] == ["pocketmesh"]


def test_without_one_the_stand_in_comes_last(environment: Path) -> None:
    assert search_path(environment, "/nowhere") == f"/nowhere:{environment / 'bin'}"


def test_the_stand_in_of_another_environment_is_left_behind(environment: Path) -> None:
    other = environment.parent / "lab-02-enrolment"
    other.mkdir()
    path = search_path(other, "/nowhere")
    assert search_path(environment, path) == f"/nowhere:{environment / 'bin'}"


def test_asking_again_changes_nothing(environment: Path) -> None:
    path = search_path(environment, "/nowhere")
    assert search_path(environment, path) == path


def test_the_stand_in_runs(environment: Path) -> None:
    path = search_path(environment, "/nowhere")
    done = subprocess.run(
        ["sh", "-c", "istioctl version --remote=false"],
        executable="/bin/sh",
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("client version: ")


@pytest.mark.parametrize(("provider", "given"), [("embedded", True), ("existing", False)])
def test_only_the_embedded_cluster_has_a_stand_in(
    environment: Path, monkeypatch: pytest.MonkeyPatch, provider: str, given: bool
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    folder = EnvironmentFolder(environment)
    folder.remember(Record("lab-01-install", "", provider, 0, "default", "ready"))
    assert ("PATH" in folder.variables()) is given
