"""The operations that a patch can be, on a list of things of which some match."""

from __future__ import annotations

from collections.abc import Callable

from pocketmesh.istio.envoy.patching.merging import merged
from pocketmesh.istio.envoy.xds import Json


def operated(items: list[Json], operation: str, value: Json, matches: Callable[[Json], bool]) -> list[Json]:
    """The list after an operation. Insertions and replacement look for the first that matches, and without
    one there is nothing to do; merging and removing are for all that match."""
    match operation:
        case "ADD":
            return [*items, value]
        case "INSERT_FIRST":
            return [value, *items]
        case "MERGE":
            return [merged(item, value) if matches(item) else item for item in items]
        case "REMOVE":
            return [item for item in items if not matches(item)]
    at = next((index for index, item in enumerate(items) if matches(item)), None)
    if at is None:
        return items
    match operation:
        case "INSERT_BEFORE":
            return [*items[:at], value, *items[at:]]
        case "INSERT_AFTER":
            return [*items[: at + 1], value, *items[at + 1 :]]
        case "REPLACE":
            return [*items[:at], value, *items[at + 1 :]]
    return items
