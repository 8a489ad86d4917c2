"""Whether what a task relies on is as the setup left it: to change the question earns nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labcheck.checks.cluster import ClusterView
from labcheck.checks.context import Guard
from labcheck.checks.differences import Difference, differences
from labcheck.checks.resource import Resource
from labcheck.checks.verdict import Tampering


def tampering(guards: Sequence[Guard], cluster: ClusterView) -> list[Tampering]:
    """The guarded objects that differ from what the setup applied. Raises what `cluster` raises."""
    found = []
    for guard in guards:
        was = Resource(guard.object)
        differing = tuple(_changes(guard, was, cluster))
        if differing:
            found.append(Tampering(was.ref, guard.tasks, differing))
    return found


def _changes(guard: Guard, was: Resource, cluster: ClusterView) -> Iterator[Difference]:
    group = str(was.get("apiVersion", "")).rpartition("/")[0]
    now = cluster.look(f"{was.kind}.{group}", was.name, was.namespace)
    if now is None:
        yield Difference(was.ref, "present", "absent")
        return
    for field in guard.fields:
        path = field.split(".")
        yield from differences(was.at(*path), now.at(*path), field, exact=True)
