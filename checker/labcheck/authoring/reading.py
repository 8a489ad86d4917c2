"""What can be proved of a lab by reading it alone."""

from __future__ import annotations

import time
from pathlib import Path

from labcheck.authoring.lint import lint
from labcheck.authoring.testbed import Proof
from labcheck.authoring.unwritten import unwritten


def read(folder: Path) -> Proof:
    """The proof that the lab's files are right and complete."""
    started = time.monotonic()
    problems = [*lint(folder), *unwritten(folder)]
    seconds = round(time.monotonic() - started, 2)
    return Proof(folder.name, 0, "lint", "\n".join(map(str, problems)), seconds)
