"""`@task`: which task of `lab.yaml` a check function judges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Check = TypeVar("Check", bound=Callable[..., Any])

_ATTRIBUTE = "__labcheck_task__"


def task(task_id: str) -> Callable[[Check], Check]:
    """Marks a test function as the check of the task `task_id`; each task has exactly one.

    The function's docstring is what the learner reads: its first line the claim, at most 72 characters.
    """

    def mark(check: Check) -> Check:
        setattr(check, _ATTRIBUTE, task_id)
        return check

    return mark


def task_of(check: object) -> str | None:
    """The id that `@task` gave to `check`, if it did."""
    found = getattr(check, _ATTRIBUTE, None)
    return found if isinstance(found, str) else None
