"""What `labcheck new` left for the author to write: lines marked `WRITE:`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from labcheck.errors import Problem

MARK = "WRITE:"


def unwritten(folder: Path) -> Iterator[Problem]:
    """The marked lines of a lab's files, in the order of the files' names."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".md", ".py", ".yaml"}):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            _, mark, task = line.partition(MARK)
            if mark:
                yield Problem(path, number, f"To write: {task.strip(' -#>}')}")
