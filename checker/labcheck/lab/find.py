"""Which labs there are, and which one a learner means by `3`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from labcheck.errors import UsageError, did_you_mean

LAB_FILE = "lab.yaml"
_INSTALLED = Path(__file__).parent.parent / "labs"
_CHECKOUT = Path(__file__).parents[3] / "labs"


def labs_folder(named: Path | None, working_directory: Path) -> Path:
    """Where labs are: the folder that was named, else `./labs`, else those that came with labcheck.

    Raises UsageError when the folder does not exist.
    """
    if named is not None:
        if not named.is_dir():
            raise UsageError(
                f"There is no folder {named}.", next_step="Give --labs the folder that holds the labs."
            )
        return named.absolute()
    for folder in (working_directory / "labs", _INSTALLED, _CHECKOUT):
        if folder.is_dir():
            return folder
    raise UsageError("No labs are installed.", next_step="Name their folder: labcheck --labs DIR list")


def lab_folders(folder: Path) -> list[Path]:
    """The folders that hold a `lab.yaml`, in the order of their names."""
    return sorted(path.parent for path in folder.glob(f"*/{LAB_FILE}"))


def choose(name: str, folder: Path) -> Path:
    """The folder of the lab that `name` means. Raises UsageError with the nearest name."""
    folders = {path.name: path for path in lab_folders(folder)}
    found = matches(name, list(folders))
    if len(found) == 1:
        return folders[found[0]]
    if found:
        raise UsageError(f"`{name}` may mean {' or '.join(found)}.", next_step="Give the whole name.")
    raise UsageError(
        f"There is no lab `{name}` in {folder}. {did_you_mean(name, folders)}",
        next_step="See which there are: labcheck list",
    )


def matches(name: str, ids: Sequence[str]) -> list[str]:
    """The ids that `name` may mean: the id, `3` or `03` for lab-03-…, or its beginning up to a dash."""
    if name in ids:
        return [name]
    if name.isdecimal():
        return [
            it for it in ids if (number := re.match(r"lab-(\d+)(?:-|$)", it)) and int(number[1]) == int(name)
        ]
    if numbered := re.fullmatch(r"lab-?(\d+)", name):
        return matches(numbered[1], ids)
    return [it for it in ids if it.startswith(f"{name}-")]
