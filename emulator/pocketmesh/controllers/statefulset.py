"""StatefulSets: numbered pods, made in order and removed in reverse (pkg/controller/statefulset).

Volume claims are not made: nothing here stores data, and a pod's volumes are memory.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.keys import Place, own_and_controlled
from pocketmesh.controllers.owners import claimed
from pocketmesh.controllers.pods import from_template, is_ready, phase
from pocketmesh.controllers.templates import template_hash
from pocketmesh.objects import Object, labels_of, name_of, namespace_of
from pocketmesh.store import Event

RESOURCE: Final = "statefulsets.apps"
HASH: Final = "controller-revision-hash"


class StatefulSets:
    """Keeps the numbered pods of each StatefulSet."""

    name = "statefulset"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._events = Recorder(client, clock, "statefulset-controller")

    def concerns(self, event: Event) -> Iterable[Hashable]:
        return own_and_controlled(event, RESOURCE, "StatefulSet", "pods")

    def reconcile(self, key: Place) -> float | None:
        owner = self._client.get(RESOURCE, *key)
        if owner is None:
            return None
        if "deletionTimestamp" not in owner["metadata"]:
            self._step(owner, self._pods(owner))
        self._write_status(owner, self._pods(owner))
        return None

    def _pods(self, owner: Object) -> dict[int, Object]:
        pods = claimed(self._client, "pods", owner)
        return dict(sorted((ordinal, pod) for pod in pods if (ordinal := _ordinal(owner, pod)) >= 0))

    def _step(self, owner: Object, pods: dict[int, Object]) -> None:
        """The next thing to do; one at a time when the pods are ordered, as each change calls again."""
        spec = owner["spec"]
        start = (spec.get("ordinals") or {}).get("start", 0)
        wanted = range(start, start + spec.get("replicas", 1))
        ordered = spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady"
        for ordinal in wanted:
            pod = pods.get(ordinal)
            if pod is None:
                self._create(owner, ordinal)
            elif phase(pod) in ("Failed", "Succeeded"):
                self._delete(owner, pod)
            elif is_ready(pod) and "deletionTimestamp" not in pod["metadata"]:
                continue
            if ordered:
                return
        surplus = [pod for ordinal, pod in reversed(pods.items()) if ordinal not in wanted]
        for pod in surplus[:1] if ordered else surplus:
            self._delete(owner, pod)
        if not surplus and all(ordinal in pods and is_ready(pods[ordinal]) for ordinal in wanted):
            self._replace_one(owner, pods)

    def _replace_one(self, owner: Object, pods: dict[int, Object]) -> None:
        strategy = owner["spec"].get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        for ordinal, pod in reversed(pods.items()):
            if ordinal >= partition and labels_of(pod).get(HASH) != _revision(owner):
                self._delete(owner, pod)
                return

    def _create(self, owner: Object, ordinal: int) -> None:
        name = f"{name_of(owner)}-{ordinal}"
        labels = {
            HASH: _revision(owner),
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(ordinal),
        }
        pod = from_template(owner, owner["spec"]["template"], labels)
        pod["metadata"] |= {"name": name}
        pod["spec"] = {**pod["spec"], "hostname": name, "subdomain": owner["spec"].get("serviceName", "")}
        self._client.create("pods", pod)
        message = f"create Pod {name} in StatefulSet {name_of(owner)} successful"
        self._events.event(owner, "Normal", "SuccessfulCreate", message)

    def _delete(self, owner: Object, pod: Object) -> None:
        if "deletionTimestamp" in pod["metadata"]:
            return
        self._client.delete("pods", namespace_of(pod), name_of(pod))
        message = f"delete Pod {name_of(pod)} in StatefulSet {name_of(owner)} successful"
        self._events.event(owner, "Normal", "SuccessfulDelete", message)

    def _write_status(self, owner: Object, pods: dict[int, Object]) -> None:
        revision, replicas = _revision(owner), owner["spec"].get("replicas", 1)
        updated = [pod for pod in pods.values() if labels_of(pod).get(HASH) == revision]
        before = owner.get("status") or {}
        done = len(updated) == len(pods) == replicas
        current = revision if done or "currentRevision" not in before else before["currentRevision"]
        ready = sum(is_ready(pod) for pod in pods.values())
        counts = {
            "readyReplicas": ready,
            "currentReplicas": sum(labels_of(pod).get(HASH) == current for pod in pods.values()),
            "updatedReplicas": len(updated),
        }
        status: Object = {
            "observedGeneration": owner["metadata"].get("generation", 0),
            "replicas": len(pods),
            "availableReplicas": ready,
            "currentRevision": current,
            "updateRevision": revision,
            "collisionCount": 0,
            **{field: count for field, count in counts.items() if count},
        }
        self._client.update_status(RESOURCE, {**owner, "status": status})


def _revision(owner: Object) -> str:
    return f"{name_of(owner)}-{template_hash(owner['spec']['template'])}"


def _ordinal(owner: Object, pod: Object) -> int:
    stem, _, number = name_of(pod).rpartition("-")
    return int(number) if stem == name_of(owner) and number.isdecimal() else -1
