"""Hearing of changes as they happen: a watch for each kind, each in a thread of its own.

A watch that the server ends is opened again from where it was; one that expired begins with a new list. When
the cluster itself goes away, that is the last thing that is heard.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from labcheck.errors import EnvironmentTrouble
from labcheck.kube.cluster import Cluster
from labcheck.kube.connection import Object
from labcheck.kube.errors import ApiRefused
from labcheck.kube.kinds import Kind

_VERBS = {"ADDED": "added", "MODIFIED": "changed", "DELETED": "deleted"}
_SILENCE = 240.0
_GONE = 410


@dataclass(frozen=True, slots=True)
class Change:
    """One object that was added, changed or deleted."""

    verb: str
    ref: str

    def __str__(self) -> str:
        return f"{self.ref} {self.verb}"


@dataclass(frozen=True, slots=True)
class Lost:
    """The cluster does not answer any more."""


def watch(cluster: Cluster, kinds: Iterable[Kind], heard: Callable[[Change | Lost], None]) -> None:
    """Calls `heard`, from other threads, for every change to objects of `kinds` after this returned.

    A kind that may not be watched is left out. Raises Unreachable.
    """
    for kind in kinds:
        try:
            _, revision = cluster.listing(kind)
        except ApiRefused:
            continue
        follow = threading.Thread(target=_follow, args=(cluster, kind, revision, heard), daemon=True)
        follow.start()


def _follow(cluster: Cluster, kind: Kind, revision: str, heard: Callable[[Change | Lost], None]) -> None:
    try:
        while True:
            revision = _listen(cluster, kind, revision, heard)
            if not revision:
                heard(Change("changed", kind.plural))  # what happened in between can only be guessed
                _, revision = cluster.listing(kind)
    except EnvironmentTrouble:
        heard(Lost())


def _listen(cluster: Cluster, kind: Kind, revision: str, heard: Callable[[Change | Lost], None]) -> str:
    """One watch to its end; returns the revision to go on from, empty when it expired."""
    query = [("watch", "true"), ("resourceVersion", revision), ("timeoutSeconds", str(int(_SILENCE)))]
    query.append(("allowWatchBookmarks", "true"))
    try:
        for event in cluster.connection.lines(kind.path(), query=query, timeout=_SILENCE + 10):
            obj = event.get("object") or {}
            if event.get("type") == "ERROR":
                return ""
            revision = obj.get("metadata", {}).get("resourceVersion", revision)
            if event.get("type") in _VERBS:
                heard(Change(_VERBS[event["type"]], _ref(kind, obj)))
    except ApiRefused as refusal:
        if refusal.code == _GONE:
            return ""
        raise
    return revision


def _ref(kind: Kind, obj: Object) -> str:
    metadata = obj.get("metadata", {})
    return f"{kind.kind} {'/'.join(filter(None, (metadata.get('namespace'), metadata.get('name'))))}"
