"""The plain values that go into a verb of the registry and come out of it.

They carry what a request said, already parsed; nothing here knows about HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pocketmesh.api.errors import bad_request
from pocketmesh.objects import Object

Validation: TypeAlias = Literal["Ignore", "Warn", "Strict"]


def part(body: Object, field: str) -> Object:
    """An object inside a body, empty when absent. Raises ApiError 400 when it is something else."""
    found = body.get(field)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise bad_request(f"{field} must be an object")
    return found


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as authentication found out."""

    user: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Write:
    """How a write is meant: by whom, under which field manager, for real or as a rehearsal.

    `proven`: what is written is this package's own, judged by its tests, and need not be judged here.
    """

    caller: Caller
    manager: str = ""
    dry_run: bool = False
    validation: Validation = "Warn"
    force: bool = False
    proven: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """The object as it is now (shared: not to be changed) and what the client should be warned of."""

    object: Object
    created: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """`metav1.DeleteOptions`. An empty uid or revision is no precondition."""

    grace: int | None = None
    propagation: str = ""
    uid: str = ""
    revision: str = ""

    @classmethod
    def read(cls, body: Object) -> DeleteOptions:
        """The options that a request body or the query names. Raises ApiError 400 for a wrong one."""
        propagation = body.get("propagationPolicy") or ""
        if body.get("orphanDependents") is not None and not propagation:
            propagation = "Orphan" if body["orphanDependents"] else "Background"
        if propagation not in ("", "Background", "Foreground", "Orphan"):
            raise bad_request(
                "invalid DeleteOptions: propagationPolicy: Unsupported value: "
                f'"{propagation}": supported values: "Background", "Foreground", "Orphan"'
            )
        grace = body.get("gracePeriodSeconds")
        if grace is not None and (not isinstance(grace, int) or isinstance(grace, bool)):
            raise bad_request("gracePeriodSeconds must be a whole number")
        preconditions = part(body, "preconditions")
        return cls(
            None if grace is None else max(grace, 1 if grace < 0 else 0),
            propagation,
            preconditions.get("uid") or "",
            preconditions.get("resourceVersion") or "",
        )


@dataclass(frozen=True, slots=True)
class Deletion:
    """What came of a delete: the answer for the client, whether the object is gone already, warnings."""

    answer: Object
    gone: bool
    warnings: tuple[str, ...] = ()
