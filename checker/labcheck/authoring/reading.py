"""What can be proved of a lab by reading it alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from labcheck.authoring.lint import lint
from labcheck.authoring.testbed import Proof
from labcheck.authoring.unwritten import unwritten
from labcheck.errors import Problem


def read(folder: Path) -> list[Proof]:
    """The proofs that the lab's files are right, and that nothing is left to be written."""
    return [_proof(folder, "lint", lint), _proof(folder, "written", unwritten)]


def _proof(folder: Path, what: str, look: Callable[[Path], Iterable[Problem]]) -> Proof:
    started = time.monotonic()
    problems = "\n".join(map(str, look(folder)))
    return Proof(folder.name, 0, what, problems, round(time.monotonic() - started, 2))
