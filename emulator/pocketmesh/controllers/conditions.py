"""Setting a condition the way Kubernetes does: the time of transition moves only when the status does."""

from __future__ import annotations

from collections.abc import Iterable

from pocketmesh.objects import Object


def with_condition(conditions: Iterable[Object], new: Object, now: str) -> list[Object]:
    """The conditions with `new` in its place. An entry that says the same already is kept as it is."""
    found = list(conditions)
    for index, old in enumerate(found):
        if old["type"] == new["type"]:
            if all(old.get(field) == value for field, value in new.items()):
                return found
            moved = old.get("status") != new["status"]
            found[index] = {"lastTransitionTime": now if moved else old.get("lastTransitionTime", now), **new}
            return found
    return [*found, {"lastTransitionTime": now, **new}]


def without_condition(conditions: Iterable[Object], kind: str) -> list[Object]:
    """The conditions but for the one of this type."""
    return [entry for entry in conditions if entry["type"] != kind]
