"""Values in the words of a report: `a, b`, `a=1, b=2`, `none`."""

from __future__ import annotations


def shown(value: object) -> str:
    """A value as a learner reads it."""
    match value:
        case None:
            return "none"
        case str():
            return value.rstrip("\n") or "(empty)"
        case dict():
            return ", ".join(f"{key}={shown(item)}" for key, item in value.items()) or "none"
        case list() | tuple() | set() | frozenset():
            items = sorted(map(shown, value)) if isinstance(value, set | frozenset) else map(shown, value)
            return ", ".join(items) or "none"
        case _:
            return str(value)
