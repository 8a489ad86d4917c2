"""Every way labcheck refuses, and the exit code each one means.

    LabcheckError
    ├── UsageError             2   the command as typed cannot be carried out
    ├── AuthorError            2   a lab's files are wrong: names file and line
    └── EnvironmentTrouble     3   the machine or the cluster is in the way, never the learner's answer
        └── Ungradable         3   a check could not look

A message is a fact, then the evidence for it, then the next command to run. This module knows no other of the
package, so that everybody may raise these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


class LabcheckError(Exception):
    """Something a person can act on: `fact`, `evidence` and `next_step` are whole sentences or empty."""

    exit_code = 3

    def __init__(self, fact: str, *, evidence: str = "", next_step: str = "") -> None:
        super().__init__(fact)
        self.fact = fact
        self.evidence = evidence
        self.next_step = next_step

    def __str__(self) -> str:
        return "\n".join(part for part in (self.fact, self.evidence, self.next_step) if part)


class UsageError(LabcheckError):
    """The command as typed names something that does not exist or cannot be done now."""

    exit_code = 2


class EnvironmentTrouble(LabcheckError):
    """The machine, the provider or the cluster is in the way."""


class Ungradable(EnvironmentTrouble):
    """A check could not look; nobody's answer is to blame."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a lab's file; line 0 means the file as a whole."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}" if self.line else f"{self.path}: {self.text}"


class AuthorError(LabcheckError):
    """A lab's files are wrong. `problems` are in the order of the file."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))

    @classmethod
    def at(cls, path: Path, line: int, text: str) -> AuthorError:
        """The error of a single problem."""
        return cls([Problem(path, line, text)])


def did_you_mean(wrong: str, valid: Iterable[str]) -> str:
    """A sentence that names the nearest valid name, or else the valid ones.

    >>> did_you_mean("tittle", ["id", "title"])
    'Did you mean `title`?'
    """
    import difflib

    names = sorted(set(valid))
    if not names:
        return "There are none to choose from."
    folded = {name.casefold(): name for name in reversed(names)}
    near = difflib.get_close_matches(wrong.casefold(), folded, n=1, cutoff=0.6)
    if near:
        return f"Did you mean `{folded[near[0]]}`?"
    shown = ", ".join(f"`{name}`" for name in names[:12])
    return f"Valid are {shown}{' and more' if len(names) > 12 else ''}."
