"""How many pods each ReplicaSet of a Deployment should have next: the arithmetic of a rolling update.

Pure functions on numbers and plain rows; the sources are pkg/controller/deployment/{rolling,sync}.go and
pkg/controller/deployment/util/deployment_util.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor


@dataclass(frozen=True, slots=True)
class Replicas:
    """A ReplicaSet as the arithmetic sees it.

    `most` is what the whole Deployment could have when this set was last scaled, 0 when unknown.
    """

    name: str
    wanted: int
    available: int
    most: int = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a rolling update may deviate from the wanted number, as absolute numbers."""

    surge: int
    unavailable: int


def bounds(replicas: int, max_surge: int | str, max_unavailable: int | str) -> Bounds:
    """Percentages resolved: surge rounds up, unavailable down, and they are never both 0."""
    surge = absolute(max_surge, replicas, up=True)
    unavailable = absolute(max_unavailable, replicas, up=False)
    return Bounds(surge, min(replicas, unavailable if surge or unavailable else 1))


def absolute(value: int | str, total: int, *, up: bool) -> int:
    """A number, or a percentage of `total`, as a number
    (k8s.io/apimachinery/pkg/util/intstr GetScaledValueFromIntOrPercent)."""
    if isinstance(value, int):
        return value
    share = int(value.rstrip("%")) * total / 100
    return ceil(share) if up else floor(share)


def new_size(replicas: int, limit: Bounds, new: Replicas, old: Sequence[Replicas]) -> int:
    """What the new ReplicaSet is scaled to: up as far as the surge allows, or down to what is wanted."""
    if new.wanted >= replicas:
        return replicas
    room = replicas + limit.surge - new.wanted - sum(each.wanted for each in old)
    return new.wanted + max(0, min(room, replicas - new.wanted))


def old_sizes(replicas: int, limit: Bounds, new: Replicas, old: Sequence[Replicas]) -> dict[str, int]:
    """What the old ReplicaSets, given oldest first, are scaled to; only those that change.

    Pods that are not available go first, since they serve nobody; then as many as can be spared.
    """
    everything = new.wanted + sum(each.wanted for each in old)
    least = replicas - limit.unavailable
    spare = everything - least - (new.wanted - new.available)
    if spare <= 0:
        return {}
    sizes = {each.name: each.wanted for each in old}
    for each in old:
        unhealthy = min(spare, max(0, each.wanted - each.available))
        sizes[each.name] -= unhealthy
        spare -= unhealthy
    surplus = new.available + sum(each.available for each in old) - least
    for each in old:
        taken = min(max(0, surplus), sizes[each.name])
        sizes[each.name] -= taken
        surplus -= taken
    return {each.name: sizes[each.name] for each in old if sizes[each.name] != each.wanted}


def shared_out(replicas: int, surge: int, sets: Sequence[Replicas], present: int) -> dict[str, int]:
    """What several ReplicaSets, given oldest first, get when the Deployment is scaled amid a rollout.

    Each grows or shrinks in proportion, so that scaling does not hasten the rollout; what rounding
    leaves over goes to the largest. `present` stands in for a set that does not know its `most`.
    """
    most = replicas + surge if replicas else 0
    to_add = most - sum(each.wanted for each in sets)
    largest_first = sorted(sets if to_add < 0 else reversed(sets), key=lambda each: -each.wanted)
    sizes, left = {each.name: each.wanted for each in sets}, to_add
    for each in largest_first:
        share = _share(each, replicas, replicas + surge, each.most or present)
        share = min(share, left) if to_add > 0 else max(share, left)
        sizes[each.name] += share
        left -= share
    if left:
        first = largest_first[0].name
        sizes[first] = max(0, sizes[first] + left)
    return sizes


def _share(each: Replicas, replicas: int, most: int, most_before: int) -> int:
    if not replicas:
        return -each.wanted
    if not most_before:
        return 0
    return floor(each.wanted * most / most_before + 0.5) - each.wanted
