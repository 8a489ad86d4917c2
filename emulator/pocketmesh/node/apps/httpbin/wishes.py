"""Numbers and durations in a path or a query of httpbin."""

from __future__ import annotations

from typing import Final

from pocketmesh.node.commands.durations import seconds

LONGEST: Final = 10.0


def duration(text: str) -> float:
    """Seconds, or a duration as Go writes it. Raises ValueError."""
    try:
        found = float(text)
    except ValueError:
        found = seconds(text)
    if not 0 <= found <= LONGEST:
        raise ValueError(f"invalid duration: {text} is not between 0 and {LONGEST:.0f}s")
    return found


def number(text: str, low: int, high: int, what: str) -> int:
    """A whole number between two. Raises ValueError."""
    if not text.lstrip("-").isdecimal():
        raise ValueError(f"invalid {what}: {text!r}")
    if not low <= int(text) <= high:
        raise ValueError(f"invalid {what}: {text} not in range [{low}, {high}]")
    return int(text)
