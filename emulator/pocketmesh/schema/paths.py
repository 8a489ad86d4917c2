"""Where in an object something is, without paying for a string until somebody wants to read it."""

from __future__ import annotations

from typing import TypeAlias


class Key(str):
    """A key of a map, which is no field of any struct."""

    __slots__ = ()


# A linked list from the innermost step outwards: None is the object itself.
Path: TypeAlias = "tuple[Path, str | int] | None"


def render(path: Path) -> str:
    """`spec.containers[0].name`."""
    steps: list[str] = []
    while path is not None:
        path, step = path
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step}")
    return "".join(reversed(steps)).removeprefix(".")


def names(path: Path) -> str:
    """The field names alone, as Go's JSON decoder says them: `spec.containers.name`, `metadata.labels`."""
    steps: list[str] = []
    while path is not None:
        path, step = path
        if isinstance(step, str) and not isinstance(step, Key):
            steps.append(step)
    return ".".join(reversed(steps))
