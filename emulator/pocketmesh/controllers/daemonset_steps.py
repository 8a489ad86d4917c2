"""Which daemon pods to make and to delete, node by node, and what to say of them.

Pure. Follows pkg/controller/daemon/{daemon_controller,update}.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from pocketmesh.controllers.pods import is_ready, phase, seconds_to_available
from pocketmesh.controllers.rollout import absolute
from pocketmesh.objects import Object, labels_of

HASH: Final = "controller-revision-hash"
PodsByNode: TypeAlias = Mapping[str, Sequence[Object]]
"""The pods of each node that has or should have some, oldest first."""


@dataclass(slots=True)
class Steps:
    """Nodes that need a pod, and pods that must go."""

    create: list[str] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)


def kept(daemon: Object, pods: PodsByNode, runs: Mapping[str, bool], digest: str) -> Steps:
    """What it takes to have one living pod on each node. `runs` names the nodes that may have one;
    false means that a pod that is there may stay but none is made."""
    steps = Steps()
    surges = _surge(daemon, len(runs)) > 0
    for node in sorted({*pods, *runs}):
        present = pods.get(node, ())
        living = [pod for pod in present if "deletionTimestamp" not in pod["metadata"]]
        if node not in runs:
            steps.delete += living
            continue
        running = [pod for pod in living if phase(pod) not in ("Failed", "Succeeded")]
        steps.delete += [pod for pod in living if phase(pod) in ("Failed", "Succeeded")]
        if runs[node] and (not present or (surges and not running)):
            steps.create.append(node)
        steps.delete += _beside_surge(running, digest) if surges else running[1:]
    return steps


def _beside_surge(running: Sequence[Object], digest: str) -> list[Object]:
    """A new pod that is not ready may stand beside an old one that is; all others are too many."""
    new = [pod for pod in running if _is_of(pod, digest)]
    old = [pod for pod in running if not _is_of(pod, digest)]
    surplus = [*new[1:], *old[1:]]
    if new and old and (not is_ready(old[0]) or is_ready(new[0])):
        surplus.append(old[0])
    return surplus


def rolled(daemon: Object, pods: PodsByNode, runs: Mapping[str, bool], digest: str, now: datetime) -> Steps:
    """The next pods to replace under `RollingUpdate`, within maxSurge or maxUnavailable."""
    surge = _surge(daemon, sum(runs.values()))
    if surge:
        return _surged(daemon, pods, digest, surge, now)
    return _swapped(daemon, pods, digest, _unavailable(daemon, sum(runs.values())), now)


def _swapped(daemon: Object, pods: PodsByNode, digest: str, most: int, now: datetime) -> Steps:
    steps, candidates, down = Steps(), [], 0
    for present in pods.values():
        living = [pod for pod in present if "deletionTimestamp" not in pod["metadata"]]
        if len(living) != 1:
            down += 1
        elif _is_of(living[0], digest):
            down += not _is_available(daemon, living[0], now)
        elif _is_available(daemon, living[0], now):
            candidates.append(living[0])
        else:
            steps.delete.append(living[0])
            down += 1
    steps.delete += candidates[: max(0, most - down)]
    return steps


def _surged(daemon: Object, pods: PodsByNode, digest: str, most: int, now: datetime) -> Steps:
    steps, surging = Steps(), 0
    candidates: list[str] = []
    for node, present in pods.items():
        living = [pod for pod in present if "deletionTimestamp" not in pod["metadata"]]
        new = [pod for pod in living if _is_of(pod, digest)]
        old = [pod for pod in living if not _is_of(pod, digest)]
        if len(new) > 1 or len(old) > 1:
            surging += 1
        elif old and not new:
            (candidates if _is_available(daemon, old[0], now) else steps.create).append(node)
        elif old and _is_available(daemon, new[0], now):
            steps.delete += old
        elif old:
            surging += 1
    steps.create += candidates[: max(0, most - surging)]
    return steps


def status(daemon: Object, pods: PodsByNode, runs: Mapping[str, bool], digest: str, now: datetime) -> Object:
    """The status; where two pods share a node the older one counts."""
    should = [node for node, runs_there in runs.items() if runs_there]
    first = [pods[node][0] for node in should if pods.get(node)]
    available = sum(_is_available(daemon, pod, now) for pod in first)
    counts = {
        "updatedNumberScheduled": sum(_is_of(pod, digest) for pod in first),
        "numberAvailable": available,
        "numberUnavailable": len(should) - available,
    }
    return {
        "currentNumberScheduled": len(first),
        "desiredNumberScheduled": len(should),
        "numberMisscheduled": sum(bool(present) for node, present in pods.items() if node not in should),
        "numberReady": sum(is_ready(pod) for pod in first),
        "observedGeneration": daemon["metadata"].get("generation", 0),
        **{name: count for name, count in counts.items() if count},
    }


def _is_of(pod: Object, digest: str) -> bool:
    return labels_of(pod).get(HASH) == digest


def _is_available(daemon: Object, pod: Object, now: datetime) -> bool:
    return seconds_to_available(pod, daemon["spec"].get("minReadySeconds", 0), now) == 0


def _rolling(daemon: Object) -> Object:
    return (daemon["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}


def _surge(daemon: Object, nodes: int) -> int:
    return absolute(_rolling(daemon).get("maxSurge", 0), nodes, up=True)


def _unavailable(daemon: Object, nodes: int) -> int:
    return absolute(_rolling(daemon).get("maxUnavailable", 1), nodes, up=True) or 1
