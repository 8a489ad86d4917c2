"""Status conditions as Istio writes them: one entry a type, times kept while the status stays the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pocketmesh.objects import Object


@dataclass(frozen=True, slots=True)
class Condition:
    """What a controller wants to say; when it began and about which generation is added by `merged`."""

    type: str
    status: bool
    reason: str
    message: str


def merged(
    existing: Iterable[Object], wanted: Iterable[Condition], generation: int, now: str
) -> list[Object]:
    """The conditions after a controller has spoken.

    Entries of other types stay where they are; new types are appended in alphabetical order. `now` (RFC
    3339) becomes `lastTransitionTime` only where the status changes.
    """
    result = list(existing)
    places = {entry["type"]: place for place, entry in enumerate(result)}
    for condition in sorted(wanted, key=lambda item: item.type):
        place = places.get(condition.type)
        if place is None:
            result.append(_written(condition, None, generation, now))
        else:
            result[place] = _written(condition, result[place], generation, now)
    return result


def in_protobuf_json(conditions: Iterable[Object]) -> list[Object]:
    """The entries as kinds of Istio's own carry them: their 64-bit numbers are strings."""
    return [
        {**entry, "observedGeneration": str(entry["observedGeneration"])}
        if "observedGeneration" in entry
        else entry
        for entry in conditions
    ]


def _written(condition: Condition, before: Object | None, generation: int, now: str) -> Object:
    status = "True" if condition.status else "False"
    kept = before is not None and before.get("status") == status
    entry: Object = {
        "type": condition.type,
        "status": status,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": before["lastTransitionTime"] if before is not None and kept else now,
    }
    if generation:
        entry["observedGeneration"] = generation
    return entry
