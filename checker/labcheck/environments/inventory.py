"""Bringing a real cluster back to how it was: what is new is deleted, what was changed or lost is mended.

A cluster that is not ours to stop has no snapshot, so its objects are written down instead. What a controller
makes for another object is left to the controller. `changes` decides; nothing else here does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from labcheck.errors import EnvironmentTrouble
from labcheck.kube import ApiRefused, Cluster, Kind
from labcheck.kube import kinds as names

Object: TypeAlias = dict[str, Any]

PASSING = {"Endpoints", "EndpointSlice", "Event", "Lease", "NodeMetrics", "PodMetrics", "ControllerRevision"}
"""Kinds whose objects come and go by themselves."""
_CLUSTER_WIDE = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "GatewayClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "ValidatingWebhookConfiguration",
}
_SYSTEM = {"kube-system", "kube-public", "kube-node-lease", "local-path-storage", "labcheck-system"}
BY_CONTROLLERS = {
    "ambient.istio.io/redirection",
    "control-plane.alpha.kubernetes.io/leader",
    "deployment.kubernetes.io/revision",
    "endpoints.kubernetes.io/last-change-trigger-time",
    "kubectl.kubernetes.io/last-applied-configuration",
}
"""Annotations that controllers write, whoever wrote the object."""
_POLL = 0.2


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a cluster counts."""

    cluster_wide: bool
    namespace: Callable[[Object], bool]
    """Whether that Namespace and everything in it counts."""


WHOLE = Scope(True, lambda it: it["metadata"]["name"] not in _SYSTEM)
"""A cluster that is ours alone."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be done: to delete, to put back as they were, and to make again (deleting them first)."""

    delete: tuple[Object, ...] = ()
    put: tuple[Object, ...] = ()
    make: tuple[Object, ...] = ()


def take(cluster: Cluster, scope: Scope) -> list[Object]:
    """The objects that count, each with its apiVersion and kind."""
    kept = {it["metadata"]["name"] for it in cluster.all(cluster.kind("Namespace")) if scope.namespace(it)}
    found = _listed(cluster, lambda kind: kind.namespaced or kind.kind in _CLUSTER_WIDE)
    return [it for kind, it in found if _counts(it, kind, kept, scope)]


def everything(cluster: Cluster) -> Iterator[Object]:
    """Every object that can be listed and does not come and go by itself."""
    return (it for _, it in _listed(cluster, lambda kind: True))


def _listed(cluster: Cluster, wanted: Callable[[Kind], bool]) -> Iterator[tuple[Kind, Object]]:
    for kind in _each_once(cluster.kinds(again=True)):
        if kind.kind in PASSING or not wanted(kind):
            continue
        try:
            objects = cluster.all(kind)
        except ApiRefused as refusal:
            if refusal.code in {403, 404, 405}:
                continue  # reviews and the like, which cannot be listed
            raise
        yield from ((kind, it) for it in objects)


def changes(before: Iterable[Object], now: Iterable[Object]) -> Changes:
    """What makes `now` the same as `before`. An object that has an owner is its owner's to restore.

    A Pod keeps its containers for life, so one that was replaced is made again as it was.
    """
    old, new = {_key(it): it for it in before}, {_key(it): it for it in now}
    gone = [it for key, it in old.items() if key not in new]
    differ = [(it, new[key]) for key, it in old.items() if key in new and _content(it) != _content(new[key])]
    return Changes(
        delete=tuple(it for key, it in new.items() if key not in old),
        put=tuple(_put(it, current) for it, current in differ if not _replaced(it, current)),
        make=tuple(_bare(it) for it in [*gone, *(it for it, current in differ if _replaced(it, current))]),
    )


def restore(cluster: Cluster, before: Sequence[Object], scope: Scope, timeout: float) -> list[Object]:
    """Carries out what is needed for `before`; returns it with the uids of what had to be made again.

    Raises EnvironmentTrouble when it is not done in time.
    """
    deadline = time.monotonic() + timeout
    todo = changes(before, take(cluster, scope))
    for it in todo.delete:
        _delete(cluster, it)
    for it in sorted(todo.put, key=_order):
        _write(cluster, it)
    for it in sorted(todo.make, key=_order):
        _delete(cluster, it)
        _until_gone(cluster, it, deadline)
        _create(cluster, it, deadline)
    for it in todo.delete:
        _until_gone(cluster, it, deadline)
    made = {_key(it) for it in todo.make}
    return [renewed(cluster, it) if _key(it) in made else it for it in before]


def save(path: Path, cluster: Cluster, scope: Scope) -> None:
    """Writes what there is into a file, which only its user reads."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(take(cluster, scope)), encoding="utf-8")


def bring_back(path: Path, cluster: Cluster, scope: Scope, timeout: float) -> None:
    """Restores what was saved in the file. Raises EnvironmentTrouble when it is not done in time."""
    before = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(restore(cluster, before, scope, timeout)), encoding="utf-8")


def renewed(cluster: Cluster, it: Object) -> Object:
    """`it` with the uid that it has now: whoever made it again did not tamper with it."""
    kind, metadata = _kind(cluster, it), it["metadata"]
    now = cluster.get(kind, metadata["name"], metadata.get("namespace", "")) if kind else None
    uid = now["metadata"].get("uid") if now else None
    return {**it, "metadata": {**metadata, "uid": uid}} if uid else it


def _counts(it: Object, kind: Kind, kept: set[str], scope: Scope) -> bool:
    metadata = it["metadata"]
    if metadata.get("ownerReferences") or metadata.get("deletionTimestamp"):
        return False
    if kind.kind == "Namespace":
        return metadata["name"] in kept
    if kind.namespaced:
        return metadata.get("namespace") in kept
    return scope.cluster_wide and not metadata["name"].startswith(("system:", "labcheck-"))


def _each_once(kinds: Iterable[Kind]) -> list[Kind]:
    """Every kind in its preferred version."""
    found: dict[tuple[str, str], Kind] = {}
    for kind in kinds:
        found.setdefault((kind.group, kind.plural), kind)
    return list(found.values())


def _key(it: Mapping[str, Any]) -> tuple[str, str, str, str]:
    group = it["apiVersion"].rpartition("/")[0]
    return group, it["kind"], it["metadata"].get("namespace", ""), it["metadata"]["name"]


def _content(it: Object) -> Object:
    """What of an object somebody has decided."""
    rest = {key: value for key, value in it.items() if key not in {"metadata", "status", "apiVersion"}}
    metadata = it["metadata"]
    if it["kind"] == "CustomResourceDefinition":
        rest = {}  # what the cluster adds to it differs from one reading to the next
    elif it["kind"] == "Pod":
        rest = {
            "uid": metadata.get("uid"),
            "images": _images(it),
        }  # nearly all else is the cluster's, or fixed
    annotations = metadata.get("annotations") or {}
    return {
        "labels": metadata.get("labels") or {},
        "annotations": {name: value for name, value in annotations.items() if name not in BY_CONTROLLERS},
        **rest,
    }


def _replaced(it: Object, current: Object) -> bool:
    """Whether a Pod is another one than it was."""
    return it["kind"] == "Pod" and (
        it["metadata"].get("uid") != current["metadata"].get("uid") or _images(it) != _images(current)
    )


def _images(pod: Object) -> list[str]:
    return [container.get("image", "") for container in pod["spec"].get("containers") or ()]


def _put(it: Object, current: Object) -> Object:
    """`it` as it was, in the place of `current`."""
    bare = _bare(it)
    if it["kind"] == "Pod":
        # Its spec cannot be written, and what controllers have noted is not ours to take away.
        noted = current["metadata"].get("annotations") or {}
        kept = {name: value for name, value in noted.items() if name in BY_CONTROLLERS}
        bare["metadata"]["annotations"] |= kept
        bare["spec"] = current["spec"]
    bare["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"]
    return bare


def _bare(it: Object) -> Object:
    """An object without what the server writes."""
    metadata = {
        key: it["metadata"][key]
        for key in ("name", "namespace", "labels", "annotations", "finalizers")
        if key in it["metadata"]
    }
    if it["kind"] == "Pod":
        metadata["annotations"] = {
            name: value
            for name, value in (metadata.get("annotations") or {}).items()
            if name not in BY_CONTROLLERS
        }
    rest = {key: value for key, value in it.items() if key not in {"metadata", "status"}}
    if it["kind"] == "Pod":
        rest["spec"] = {key: value for key, value in rest["spec"].items() if key != "nodeName"}
    return {**rest, "metadata": metadata}


def _order(it: Object) -> tuple[int, int]:
    """Namespaces first, pods last: the order in which objects need each other."""
    first = ("CustomResourceDefinition", "Namespace", "ServiceAccount", "ConfigMap", "Secret")
    return (first.index(it["kind"]) if it["kind"] in first else len(first)), int(it["kind"] == "Pod")


def _kind(cluster: Cluster, it: Object) -> Kind | None:
    return names.of(cluster.kinds(), it["apiVersion"], it["kind"])


def _path(cluster: Cluster, it: Object) -> str:
    kind = _kind(cluster, it)
    assert kind is not None  # it was read under this kind, which is served
    return kind.path(it["metadata"].get("namespace", ""), it["metadata"]["name"])


def _delete(cluster: Cluster, it: Object) -> None:
    if _kind(cluster, it) is None:
        return  # its kind went, and it with that
    body: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
    if it["kind"] == "Pod":
        body["gracePeriodSeconds"] = 0
    try:
        cluster.connection.request("DELETE", _path(cluster, it), body=body)
    except ApiRefused as refusal:
        if refusal.code not in {404, 409}:  # gone already, or going
            raise


def _write(cluster: Cluster, it: Object) -> None:
    try:
        cluster.connection.request("PUT", _path(cluster, it), body=it)
    except ApiRefused as refusal:
        if refusal.code not in {409, 422}:
            raise
        # Somebody else wrote it just now, or a field that cannot be changed was: made again it is as it was.
        _delete(cluster, it)
        bare = _bare(it)
        _until_gone(cluster, bare, time.monotonic() + 60)
        _create(cluster, bare, time.monotonic() + 60)


def _create(cluster: Cluster, it: Object, deadline: float) -> None:
    while _kind(cluster, it) is None and time.monotonic() < deadline:
        time.sleep(_POLL)
        cluster.kinds(again=True)  # its definition was made just now
    collection = _path(cluster, it).rpartition("/")[0]
    while True:
        try:
            cluster.connection.request("POST", collection, body=it)
            return
        except ApiRefused as refusal:
            if refusal.code == 409:
                return  # a controller was faster
            # A namespace that is still going, or whose ServiceAccount is still coming; or a webhook whose
            # server is.
            if refusal.code not in {403, 500} or time.monotonic() > deadline:
                raise
        time.sleep(_POLL)


def _until_gone(cluster: Cluster, it: Object, deadline: float) -> None:
    kind = _kind(cluster, it)
    while kind is not None and cluster.get(kind, it["metadata"]["name"], it["metadata"].get("namespace", "")):
        if time.monotonic() > deadline:
            raise EnvironmentTrouble(
                f"{it['kind']} {it['metadata']['name']} does not go away.",
                next_step="Start the lab anew: labcheck down LAB, then labcheck up LAB.",
            )
        time.sleep(_POLL)
