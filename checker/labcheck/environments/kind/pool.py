"""Clusters made ahead: the next `up` of a lab of the same shape takes one, and only the setup is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.environments.provider import Progress
from labcheck.environments.state import StateFolder
from labcheck.lab.variant import Variant

if TYPE_CHECKING:
    from labcheck.environments.kind.provider import Kind

NAME = "pool"
_WAITING = "Another labcheck is changing the pool; waiting for it."


def folders(state: StateFolder) -> list[Path]:
    """The clusters that there are, made or half made, oldest first."""
    return sorted(it for it in (state.root / NAME).glob("*") if it.is_dir())


def shape(folder: Path) -> str:
    """What a cluster can stand in for; empty when it was never finished."""
    try:
        return (folder / "shape").read_text(encoding="utf-8")
    except OSError:
        return ""


def fill(state: StateFolder, variant: Variant, runner: Kind, progress: Progress) -> Path:
    """Makes a cluster that the lab could start on; returns its folder. Raises EnvironmentTrouble."""
    with state.lock(NAME, _WAITING):
        number = 1 + max((int(it.name) for it in folders(state)), default=0)
        folder = state.root / NAME / f"{number:03}"
        folder.mkdir(mode=0o700, parents=True)
        try:
            made = runner.spare(folder, variant)
            runner.wait(folder, progress)
            (folder / "shape").write_text(made, encoding="utf-8")
        except BaseException:
            remove(folder, runner)
            raise
    return folder


def empty(state: StateFolder, runner: Kind) -> Iterator[str]:
    """Ends them all, and yields the name of each that is gone. Raises EnvironmentTrouble."""
    with state.lock(NAME, _WAITING):
        for folder in folders(state):
            remove(folder, runner)
            yield folder.name


def remove(folder: Path, runner: Kind) -> None:
    """Ends one of the pool's clusters."""
    runner.stop(folder)
    shutil.rmtree(folder, ignore_errors=True)


def take(folder: Path, wanted: str) -> bool:
    """Moves a cluster of the shape `wanted` into `folder`, an environment's; False when there is none.

    A rename is whole or not at all, so that of two who want the same one only one gets it.
    """
    for candidate in folders(StateFolder(folder.parents[2])):
        if shape(candidate) != wanted:
            continue
        try:
            shutil.rmtree(folder, ignore_errors=True)
            os.rename(candidate, folder)
        except OSError:
            continue
        return True
    return False
