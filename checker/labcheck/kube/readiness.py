"""Whether what was applied runs, and waiting for it by watch rather than by polling."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from labcheck.errors import EnvironmentTrouble
from labcheck.kube.cluster import Cluster
from labcheck.kube.connection import Object
from labcheck.kube.manifests import Applied


def lacking(obj: Object) -> str:
    """What keeps an object from being ready, in a few words; empty when nothing does."""
    judge = _JUDGES.get((_group(obj), str(obj.get("kind"))))
    return judge(obj, obj.get("status") or {}) if judge else ""


def _pod(obj: Object, status: Object) -> str:
    if _condition(status, "Ready") == "True" or status.get("phase") == "Succeeded":
        return ""
    for container in status.get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting")
        if waiting and waiting.get("message"):
            return f"{waiting.get('reason', 'waiting')}: {waiting['message']}"
    return str(status.get("phase") or "not started")


def _deployment(obj: Object, status: Object) -> str:
    wanted = obj.get("spec", {}).get("replicas", 1)
    ready = min(status.get("updatedReplicas", 0), status.get("availableReplicas", 0))
    return _unseen(obj, status) or ("" if ready >= wanted else f"{ready} of {wanted} replicas ready")


def _stateful_set(obj: Object, status: Object) -> str:
    wanted, ready = obj.get("spec", {}).get("replicas", 1), status.get("readyReplicas", 0)
    return _unseen(obj, status) or ("" if ready >= wanted else f"{ready} of {wanted} replicas ready")


def _daemon_set(obj: Object, status: Object) -> str:
    wanted, ready = status.get("desiredNumberScheduled", 1), status.get("numberReady", 0)
    return _unseen(obj, status) or ("" if ready >= wanted else f"{ready} of {wanted} pods ready")


def _gateway(obj: Object, status: Object) -> str:
    return "" if _condition(status, "Programmed") == "True" else "not programmed"


def _unseen(obj: Object, status: Object) -> str:
    seen = status.get("observedGeneration", 0)
    return "" if seen >= obj.get("metadata", {}).get("generation", 0) else "not seen by its controller"


def _condition(status: Object, kind: str) -> str:
    return next(
        (str(it["status"]) for it in status.get("conditions") or () if it.get("type") == kind), "Unknown"
    )


def _group(obj: Object) -> str:
    group, slash, _ = str(obj.get("apiVersion")).partition("/")
    return group if slash else ""


_JUDGES: dict[tuple[str, str], Callable[[Object, Object], str]] = {
    ("", "Pod"): _pod,
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("gateway.networking.k8s.io", "Gateway"): _gateway,
}
"""By group and kind, since Istio has Gateways of its own, of which nobody writes a status."""


def ready(cluster: Cluster, within: Collection[str] = ()) -> Iterator[Applied]:
    """What is ready now, in the namespaces `within` where any are named.

    What belongs to another object is left out: its owner may make it again under another name.
    """
    for kind in cluster.kinds(again=True):
        if (kind.group, kind.kind) in _JUDGES:
            for obj in cluster.all(kind):
                counts = not within or _namespace(obj) in within
                if counts and not obj["metadata"].get("ownerReferences") and not lacking(obj):
                    yield Applied(kind, obj)


def wait_ready(cluster: Cluster, applied: Sequence[Applied], timeout: float) -> None:
    """Returns when everything applied is ready. Raises EnvironmentTrouble that says what is not, and why."""
    deadline = time.monotonic() + timeout
    groups: dict[tuple[str, str], list[Applied]] = {}
    for it in applied:
        if (it.kind.group, it.kind.kind) in _JUDGES:
            groups.setdefault((it.kind.key, _namespace(it.obj)), []).append(it)
    for (_, namespace), members in groups.items():
        missing = _wait(cluster, members, namespace, deadline)
        if missing:
            kind = members[0].kind
            shown = "; ".join(
                f"{kind.kind} {namespace}/{name}: {why}" for name, why in sorted(missing.items())
            )
            raise EnvironmentTrouble(
                f"The lab's setup is not ready after {timeout:g} s.",
                evidence=shown,
                next_step=f"See `kubectl describe {kind.plural} -n {namespace}`.",
            )


def _wait(cluster: Cluster, members: Sequence[Applied], namespace: str, deadline: float) -> dict[str, str]:
    """The names that are still not ready at the deadline, with what they lack."""
    kind = members[0].kind
    missing = {str(it.obj["metadata"]["name"]): "absent" for it in members}
    while True:
        objects, revision = cluster.listing(kind, namespace)
        for obj in objects:
            _note(missing, obj)
        left = deadline - time.monotonic()
        if not missing or left <= 0:
            return missing
        for obj in cluster.watch(kind, namespace, revision, left):
            _note(missing, obj)
            if not missing:
                return missing


def _note(missing: dict[str, str], obj: Any) -> None:
    name = str(obj["metadata"]["name"])
    if name in missing:
        missing[name] = lacking(obj)
        if not missing[name]:
            del missing[name]


def _namespace(obj: Object) -> str:
    return str(obj["metadata"].get("namespace") or "default")
