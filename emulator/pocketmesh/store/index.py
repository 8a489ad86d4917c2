"""Finding objects by something that they say, without looking at all of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeAlias

from pocketmesh.objects import Object

Place: TypeAlias = tuple[str, str]
"""Namespace and name."""


class Index:
    """The objects of one resource by the values that a function finds in each.

    The store keeps it in step within each change, also one that is undone, so it never lags behind.
    """

    def __init__(self, values: Callable[[Object], Iterable[Hashable]]) -> None:
        self._values = values
        self._places: dict[Hashable, dict[Place, None]] = {}

    def at(self, value: Hashable) -> list[Place]:
        """Where the objects are that have a value."""
        return sorted(self._places.get(value, ()))

    def __contains__(self, value: Hashable) -> bool:
        return value in self._places

    def move(self, place: Place, before: Object | None, after: Object | None) -> None:
        """Takes in that an object has changed, come or gone."""
        for value in self._values(before) if before is not None else ():
            places = self._places.get(value, {})
            places.pop(place, None)
            if not places:
                self._places.pop(value, None)
        for value in self._values(after) if after is not None else ():
            self._places.setdefault(value, {})[place] = None
