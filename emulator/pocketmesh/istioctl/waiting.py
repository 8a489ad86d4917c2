"""When what was installed is ready: decisions on single objects, and the wait for them.

Upstream: istio/istio operator/pkg/install/wait.go.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from pocketmesh.objects import Object, is_true, name_of, namespace_of
from pocketmesh.remote.api import Api
from pocketmesh.remote.errors import Failed

_PAUSES: Final = (0.01, 0.2)
"""Between two looks at the cluster: the first pause, each twice as long as the one before, up to the last."""
_DURATION: Final = re.compile(r"(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s?)?")
_Found = TypeVar("_Found")


def not_ready(obj: Object) -> str:
    """Why an object is not ready yet; empty when it is, or is of a kind that always is."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    match obj["kind"]:
        case "CustomResourceDefinition" if not is_true(obj, "Established"):
            return "not established"
        case "Namespace" if status.get("phase") != "Active":
            return "not active"
        case "Deployment":
            wanted, ready = spec.get("replicas", 1), status.get("readyReplicas", 0)
            if _is_behind(obj) or status.get("updatedReplicas", 0) < wanted or ready < wanted:
                return f"{ready}/{wanted} pods are ready"
        case "DaemonSet":
            wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
            updated = status.get("updatedNumberScheduled", 0)
            if _is_behind(obj) or not wanted or ready < wanted or updated < wanted:
                return f"{ready}/{wanted} pods are ready"
    return ""


def until(look: Callable[[], _Found | None], patience: float) -> _Found | None:
    """What `look` finds, as soon as it finds something; None when it is out of patience."""
    deadline = time.monotonic() + patience
    pause, longest = _PAUSES
    while (found := look()) is None and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(2 * pause, longest)
    return found


def wait_ready(api: Api, objects: Iterable[Object], patience: float) -> None:
    """Returns when all of these, as last read, are ready. Raises Failed when they are not in time."""
    waiting = [obj for obj in objects if not_ready(obj)]

    def all_are() -> bool | None:
        nonlocal waiting
        waiting = [obj for obj in waiting if not_ready(_current(api, obj))]
        return None if waiting else True

    if until(all_are, patience) is None:
        reasons = (
            f"{obj['kind']}/{namespace_of(obj)}/{name_of(obj)} ({not_ready(_current(api, obj))})"
            for obj in waiting
        )
        raise Failed(
            f"failed to wait for resource: resources not ready after {patience:g}s: {', '.join(reasons)}"
        )


def seconds(text: str) -> float:
    """The length of `90s`, `1m30s` or `300`. Raises ValueError."""
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError(f'"{text}" is not a duration such as 90s')
    hours, minutes, rest = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + rest


def _current(api: Api, obj: Object) -> Object:
    found = api.get(obj["apiVersion"], obj["kind"], namespace_of(obj), name_of(obj))
    return found if found is not None else {"kind": obj["kind"], "metadata": obj["metadata"]}


def _is_behind(obj: Object) -> bool:
    generation: int = obj["metadata"].get("generation", 0)
    return bool((obj.get("status") or {}).get("observedGeneration", -1) < generation)
