"""DaemonSets: one pod on every node that the template's node selector admits (pkg/controller/daemon)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.keys import Place, own, own_and_controlled
from pocketmesh.controllers.owners import claimed
from pocketmesh.controllers.pods import from_template, is_active, is_ready, phase, seconds_to_available
from pocketmesh.controllers.templates import template_hash
from pocketmesh.objects import Object, copied, labels_of, name_of, namespace_of
from pocketmesh.store import Event

RESOURCE: Final = "daemonsets.apps"
HASH: Final = "controller-revision-hash"
GENERATION: Final = "pod-template-generation"
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
        if daemon is None:
            return None
        nodes = [name_of(node) for node in self._client.all("nodes") if _admits(daemon, node)]
        if "deletionTimestamp" not in daemon["metadata"]:
            self._keep(daemon, nodes)
        return self._write_status(daemon, nodes)

    def _keep(self, daemon: Object, nodes: list[str]) -> None:
        digest = template_hash(daemon["spec"]["template"])
        pods = claimed(self._client, "pods", daemon)
        for pod in pods:
            if phase(pod) in ("Failed", "Succeeded") or _node_of(pod) not in nodes:
                self._delete(daemon, pod)
        served = {_node_of(pod) for pod in pods if is_active(pod)}
        leaving = {_node_of(pod) for pod in pods if "deletionTimestamp" in pod["metadata"]}
        for node in nodes:
            if node not in served | leaving:
                self._create(daemon, node, digest)
        strategy = daemon["spec"].get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") == "RollingUpdate" and not leaving:
            self._replace_one(daemon, [pod for pod in pods if is_active(pod)], digest)

    def _replace_one(self, daemon: Object, pods: list[Object], digest: str) -> None:
        outdated = [pod for pod in pods if labels_of(pod).get(HASH) != digest]
        if outdated:
            self._delete(daemon, min(outdated, key=is_ready))

    def _create(self, daemon: Object, node: str, digest: str) -> None:
        generation = daemon["spec"].get("templateGeneration") or daemon["metadata"].get("generation", 1)
        labels = {HASH: digest, GENERATION: str(generation)}
        pod = from_template(daemon, daemon["spec"]["template"], labels)
        pod["spec"] = _pinned(pod["spec"], node)
        created = self._client.create("pods", pod)
        self._events.event(daemon, "Normal", "SuccessfulCreate", f"Created pod: {name_of(created)}")

    def _delete(self, daemon: Object, pod: Object) -> None:
        if "deletionTimestamp" not in pod["metadata"]:
            self._client.delete("pods", namespace_of(pod), name_of(pod))
            self._events.event(daemon, "Normal", "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")

    def _write_status(self, daemon: Object, nodes: list[str]) -> float | None:
        pods = [pod for pod in claimed(self._client, "pods", daemon) if is_active(pod)]
        now, min_ready = self._clock.now(), daemon["spec"].get("minReadySeconds", 0)
        digest = template_hash(daemon["spec"]["template"])
        waits = [seconds_to_available(pod, min_ready, now) for pod in pods]
        available = sum(wait == 0 for wait in waits)
        counts = {
            "updatedNumberScheduled": sum(labels_of(pod).get(HASH) == digest for pod in pods),
            "numberAvailable": available,
            "numberUnavailable": max(0, len(nodes) - available),
        }
        status: Object = {
            "currentNumberScheduled": len({_node_of(pod) for pod in pods} & set(nodes)),
            "desiredNumberScheduled": len(nodes),
            "numberMisscheduled": sum(_node_of(pod) not in nodes for pod in pods),
            "numberReady": sum(is_ready(pod) for pod in pods),
            "observedGeneration": daemon["metadata"].get("generation", 0),
            **{field: count for field, count in counts.items() if count},
        }
        self._client.update_status(RESOURCE, {**daemon, "status": status})
        return min((wait for wait in waits if wait), default=None)


def _admits(daemon: Object, node: Object) -> bool:
    wanted = daemon["spec"]["template"]["spec"].get("nodeSelector") or {}
    return bool(wanted.items() <= labels_of(node).items())


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


def _pinned(spec: Object, node: str) -> Object:
    """A pod spec that only fits on one node, with the tolerations of a daemon
    (pkg/controller/daemon/util/daemonset_util.go)."""
    pinned = copied(spec)
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    affinity = pinned.setdefault("affinity", {}).setdefault("nodeAffinity", {})
    affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": [term]}
    tolerated: tuple[tuple[str, str], ...] = _TOLERATED
    if pinned.get("hostNetwork"):
        tolerated = (*tolerated, ("node.kubernetes.io/network-unavailable", "NoSchedule"))
    pinned["tolerations"] = [
        *(pinned.get("tolerations") or []),
        *({"key": key, "operator": "Exists", "effect": effect} for key, effect in tolerated),
    ]
    return pinned
