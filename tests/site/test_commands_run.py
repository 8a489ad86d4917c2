"""Every command on every page is carried out by a test, or the sentence before it says that it is not.

Guides and solutions of labs are carried out by `labcheck verify`, the page about writing labs by a test of
its own, everything else here: block after block, in the order of the page. What a page shows as text below a
command is what the command prints.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from labcheck.authoring.pagecode import unproven
from labcheck.environments.lifecycle import down
from labcheck.environments.state import StateFolder
from labcheck.lab.blocks import Block, blocks

ROOT = Path(__file__).parents[2]
LAB = "lab-03"
TEMPLATES = sorted(ROOT.glob("site/_lab/*.jinja"))
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("site/**/*.md")), *TEMPLATES]


def found(page: Path) -> list[Block]:
    """The fenced blocks of a page; a template's, for one lab."""
    text = page.read_text(encoding="utf-8").replace("{{ name }}", LAB)
    return list(blocks(page, text.split("\n"), 1))


def executed() -> list[Path]:
    """Pages with blocks to carry out, but for the one that has a test of its own."""
    return [page for page in PAGES if page.name != "author.md" and any(it.run for it in found(page))]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFolder]:
    """A state folder; what still runs in it is ended after the test."""
    folder = StateFolder(tmp_path / "state")
    yield folder
    for environment in folder.environments():
        down(folder, environment.path.name)


@pytest.fixture
def variables(tmp_path: Path, state: StateFolder) -> Mapping[str, str]:
    """What a reader's terminal has. That a lab is "not yet" solved is no failure of the page."""
    program = tmp_path / "bin" / "labcheck"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\n{sys.executable} -P -m labcheck "$@"; code=$?\n'
        '[ "$1 $code" = "grade 1" ] && exit 0\nexit $code\n'
    )
    program.chmod(0o700)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "SHELL": "bash", "LABCHECK_STATE": str(state.root)}


def inside(state: StateFolder, variables: Mapping[str, str]) -> Mapping[str, str]:
    """The same in the shell of the lab that runs."""
    for folder in state.environments():
        theirs = folder.variables()
        return {**variables, **theirs, "PATH": f"{variables['PATH']}{os.pathsep}{folder.path / 'bin'}"}
    return variables


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_what_is_not_carried_out_says_so(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").split("\n")
    silent = [f"{name(page)}:{block.line}" for block in unproven(lines, found(page))]
    assert silent == [], "open it with ```sh run, or say before it that it is not run, and why"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", executed(), ids=name)
def test_what_is_to_be_carried_out_works(
    page: Path, tmp_path: Path, state: StateFolder, variables: Mapping[str, str]
) -> None:
    if "concepts" in page.parts:  # these are read beside a lab that runs
        run(f"labcheck up {LAB}", tmp_path, variables)
    printed = ""
    for block in found(page):
        if block.run:
            done = run(block.text, tmp_path, inside(state, variables))
            printed = done.stdout
            assert done.returncode == 0, f"{name(page)}:{block.line}\n{printed}{done.stderr}"
        elif block.language == "text":
            assert block.text in printed, f"{name(page)}:{block.line} was not printed, but\n{printed}"


def run(text: str, folder: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-e", "-c", text],
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
