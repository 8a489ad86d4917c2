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
    listed: dict[tuple[str, str], dict[str, Resource]] = {}
    for guard in guards:
        was = Resource(guard.object)
        place = f"{was.kind}.{_group(was)}", was.namespace
        if place not in listed:  # a list costs no more than one of its objects, and there are others in it
            listed[place] = {it.name: it for it in cluster.all(*place)}
        differing = tuple(_changes(guard, was, listed[place].get(was.name)))
        if differing:
            found.append(Tampering(was.ref, guard.tasks, differing))
    return found


def _changes(guard: Guard, was: Resource, now: Resource | None) -> Iterator[Difference]:
    if now is None:
        yield Difference(was.ref, "present", "absent")
        return
    for field in guard.fields:
        path = field.split(".")
        yield from differences(was.at(*path), now.at(*path), field, exact=True)


def _group(it: Resource) -> str:
    return str(it.get("apiVersion", "")).rpartition("/")[0]
