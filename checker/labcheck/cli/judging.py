"""What `grade`, `hint` and `watch` share: one grading of a running lab, remembered for the other verbs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from labcheck.cli.options import Session

if TYPE_CHECKING:
    from labcheck.environments.standing import Status
    from labcheck.environments.state import EnvironmentFolder
    from labcheck.grading.report import Report
    from labcheck.grading.run import Launch
    from labcheck.lab.variant import Variant

PASSED, GIVEN_UP = "passed", "given up"


@dataclass(frozen=True, slots=True)
class Judge:
    """A running lab that can be graded, again and again."""

    variant: Variant
    environment: Status
    _launch: Launch

    def grade(self) -> Report:
        """Grades the lab now, and remembers the report."""
        from labcheck.environments.choice import provider
        from labcheck.grading.run import grade

        folder, name = self.environment.folder, self.environment.record.provider
        found = grade(
            self.variant,
            folder.grader_kubeconfig,
            name,
            provider(name).converge(folder.cluster),
            setup=folder.load("setup.json").get("objects", ()),
            hints={task: shown["shown"] for task, shown in hints_shown(folder).items()},
            launch=self._launch,
        )
        found = replace(found, gave_up=solution_opened(folder) == GIVEN_UP)
        folder.save("grading.json", found.to_json())
        folder.save("seen.json", found.seen_json())
        if found.result == "passed" and not solution_opened(folder):
            open_solution(folder, PASSED)
        return found


@contextmanager
def judge(session: Session, lab: str, *, again: bool = False) -> Iterator[Judge]:
    """The judge of the lab that runs; `again` when it will grade many times.

    Raises UsageError, AuthorError and EnvironmentTrouble.
    """
    from labcheck.grading.launch import Ahead

    with Ahead(again=again) as ahead:  # imports what checks need while we import what the lab's files need
        from labcheck.environments.standing import running

        variant = session.variant(lab)
        yield Judge(variant, running(session.state, variant.lab.id), ahead)


def hints_shown(folder: EnvironmentFolder) -> dict[str, dict[str, Any]]:
    """Task → how many of its hints were shown, and what the computed one was about."""
    none = {"shown": 0, "about": ""}
    return {
        task: none | entry for task, entry in folder.load("hints.json").items() if isinstance(entry, dict)
    }


def solution_opened(folder: EnvironmentFolder) -> str:
    """Why the solution is open: PASSED or GIVEN_UP; empty when it is not."""
    return str(folder.load("solution.json").get("opened", ""))


def open_solution(folder: EnvironmentFolder, why: str) -> None:
    folder.save("solution.json", {"opened": why})
