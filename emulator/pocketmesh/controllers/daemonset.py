"""DaemonSets: one pod on every node that admits it (pkg/controller/daemon); what to do is decided in
`daemonset_steps`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.api.errors import ApiError
from pocketmesh.clock import Clock
from pocketmesh.controllers import revisions
from pocketmesh.controllers.daemonset_steps import HASH, PodsByNode, Steps, kept, rolled, status
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.keys import Place, own, own_and_controlled
from pocketmesh.controllers.owners import claimed
from pocketmesh.controllers.pods import from_template, phase, seconds_to_available
from pocketmesh.controllers.scheduler import refusal
from pocketmesh.objects import Object, copied, labels_of, name_of, namespace_of
from pocketmesh.store import Event

RESOURCE: Final = "daemonsets.apps"
_GENERATION: Final = "pod-template-generation"
_TOLERATED: Final = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)


class DaemonSets:
    """Keeps each DaemonSet's pods, and replaces those of an older template."""

    name = "daemonset"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._events = Recorder(client, clock, "daemonset-controller")

    def concerns(self, event: Event) -> Iterable[Hashable]:
        yield from own_and_controlled(event, RESOURCE, "DaemonSet", "pods")
        for _ in own(event, "nodes"):
            for daemon in self._client.all(RESOURCE):
                yield (namespace_of(daemon), name_of(daemon))

    def reconcile(self, key: Place) -> float | None:
        daemon = self._client.get(RESOURCE, *key)
        if daemon is None or "deletionTimestamp" in daemon["metadata"]:
            return None
        revision = revisions.current(self._client, daemon, HASH)
        digest = labels_of(revision)[HASH]
        runs = {
            name_of(node): not refusal(_pod(daemon, name_of(node)), node)
            for node in self._client.all("nodes")
            if not refusal(_pod(daemon, name_of(node)), node, only="NoExecute")
        }
        pods, now = self._pods(daemon), self._clock.now()
        try:
            steps = kept(daemon, pods, runs, digest)
            strategy = (daemon["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate")
            if not steps.create and not steps.delete and strategy == "RollingUpdate":
                steps = rolled(daemon, pods, runs, digest, now)
            self._take(daemon, steps, digest)
        finally:
            pods = self._pods(daemon)
            found = status(daemon, pods, runs, digest, now)
            self._client.update_status(RESOURCE, {**daemon, "status": found})
        self._forget(daemon, revision, pods)
        min_ready = daemon["spec"].get("minReadySeconds", 0)
        waits = [seconds_to_available(pod, min_ready, now) for each in pods.values() for pod in each]
        return min((wait for wait in waits if wait), default=None)

    def _pods(self, daemon: Object) -> dict[str, list[Object]]:
        found: dict[str, list[Object]] = {}
        for pod in sorted(claimed(self._client, "pods", daemon), key=_age):
            if "deletionTimestamp" not in pod["metadata"] or phase(pod) not in ("Failed", "Succeeded"):
                found.setdefault(_node_of(pod), []).append(pod)
        return found

    def _take(self, daemon: Object, steps: Steps, digest: str) -> None:
        for node in steps.create:
            self._create(daemon, node, digest)
        for pod in steps.delete:
            self._say_ended(daemon, pod)
            self._client.delete("pods", namespace_of(pod), name_of(pod))
            self._events.event(daemon, "Normal", "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")

    def _create(self, daemon: Object, node: str, digest: str) -> None:
        labels = {HASH: digest, _GENERATION: str(daemon["metadata"].get("generation", 1))}
        pod = _pod(daemon, node, labels)
        try:
            created = self._client.create("pods", pod)
        except ApiError as error:
            self._events.event(daemon, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self._events.event(daemon, "Normal", "SuccessfulCreate", f"Created pod: {name_of(created)}")

    def _say_ended(self, daemon: Object, pod: Object) -> None:
        where = f"daemon pod {namespace_of(pod)}/{name_of(pod)} on node {_node_of(pod)}, will try to"
        if phase(pod) == "Failed":
            self._events.event(daemon, "Warning", "FailedDaemonPod", f"Found failed {where} kill it")
        elif phase(pod) == "Succeeded":
            self._events.event(daemon, "Normal", "SucceededDaemonPod", f"Found succeeded {where} delete it")

    def _forget(self, daemon: Object, revision: Object, pods: PodsByNode) -> None:
        known = revisions.history(self._client, daemon)
        hashes = {labels_of(pod).get(HASH) for each in pods.values() for pod in each}
        live = {name_of(each) for each in known if labels_of(each).get(HASH) in hashes} | {name_of(revision)}
        limit = daemon["spec"].get("revisionHistoryLimit", 10)
        for each in revisions.forgettable(known, live, limit):
            self._client.delete(revisions.RESOURCE, namespace_of(each), name_of(each))


def _age(pod: Object) -> tuple[str, str]:
    return (pod["metadata"].get("creationTimestamp", ""), name_of(pod))


def _node_of(pod: Object) -> str:
    """The node that a daemon's pod runs on or is pinned to."""
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or []:
        for field in term.get("matchFields") or []:
            if field["key"] == "metadata.name":
                return str(field["values"][0])
    return ""


def _pod(daemon: Object, node: str, labels: Mapping[str, str] | None = None) -> Object:
    """A daemon's pod for one node, with the tolerations that daemons have
    (pkg/controller/daemon/util/daemonset_util.go)."""
    pod = from_template(daemon, daemon["spec"]["template"], dict(labels or {}))
    spec = copied(pod["spec"])
    name_is = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    affinity = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = [{**term, **name_is} for term in required.get("nodeSelectorTerms") or []] or [name_is]
    affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
    tolerated: tuple[tuple[str, str], ...] = _TOLERATED
    if spec.get("hostNetwork"):
        tolerated = (*tolerated, ("node.kubernetes.io/network-unavailable", "NoSchedule"))
    spec["tolerations"] = [
        *(spec.get("tolerations") or []),
        *({"key": key, "operator": "Exists", "effect": effect} for key, effect in tolerated),
    ]
    return {**pod, "spec": spec}
