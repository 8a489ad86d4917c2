"""The kubelet: every pod that is bound to this node gets a worker, and every worker a pod.

Workers are told apart by uid, so a pod that was deleted and made again under the same name, or brought
back by a snapshot, is another pod. After a restart of the process the workers start from the statuses
that the API still has.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.keys import Place, own
from pocketmesh.controllers.runtime import Runtime
from pocketmesh.node.disk import Disk, remove
from pocketmesh.node.images import Catalogue
from pocketmesh.node.local_path import LocalPaths
from pocketmesh.node.machine import Machine
from pocketmesh.node.network import NODE_ADDRESS, PodNetwork
from pocketmesh.node.pod import PodWorker
from pocketmesh.node.registration import Registration
from pocketmesh.node.volumes import TokenSource
from pocketmesh.objects import Object, name_of, namespace_of, uid_of
from pocketmesh.store import Event

NAME: Final = "pocketmesh-control-plane"


def _no_token(pod: Object, audience: str, seconds: int) -> str:
    return ""


class Node:
    """Runs the pods of one node. `start` adds it to the runtime; `PodVerbs` lets the API reach in."""

    name = "kubelet"

    def __init__(
        self,
        client: Client,
        runtime: Runtime,
        network: PodNetwork,
        catalogue: Catalogue,
        clock: Clock,
        *,
        disk: Disk,
        token: TokenSource = _no_token,
        name: str = NAME,
        address: str = NODE_ADDRESS,
        trusted: bytes = b"",
    ) -> None:
        events = Recorder(client, clock, "kubelet", name)
        self.machine = Machine(client, clock, network, catalogue, token, events, name, address, disk, trusted)
        self._runtime = runtime
        self._registration = Registration(client, clock, name, address)
        self._local_paths = LocalPaths(client, clock, disk)
        self._workers: dict[Place, PodWorker] = {}
        self._from_before: set[str] = set()

    def start(self) -> None:
        """Registers the node and takes its pods up."""
        self._from_before = {uid_of(pod) for pod in self.machine.client.all("pods")}
        self._forget_gone()
        self._runtime.add(self._registration)
        self._runtime.add(self._local_paths)
        self._runtime.add(self)

    def stop(self) -> None:
        """Ends every program at once, leaving the API as it is."""
        self._runtime.remove(self)
        self._runtime.remove(self._registration)
        self._runtime.remove(self._local_paths)
        for worker in self._workers.values():
            worker.abandon()
        self._workers.clear()

    def worker(self, namespace: str, name: str) -> PodWorker | None:
        """The worker of a pod, None when it does not run here."""
        return self._workers.get((namespace, name))

    def concerns(self, event: Event) -> Iterable[Hashable]:
        yield from own(event, "pods")
        if event.key.resource in ("configmaps", "secrets"):
            for place, worker in self._workers.items():
                if place[0] == event.key.namespace and worker.volumes.mentions(*event.key[::2]):
                    yield place

    def reconcile(self, key: Place) -> float | None:
        pod = self.machine.client.get("pods", *key)
        worker = self._workers.get(key)
        if worker is not None and (pod is None or uid_of(pod) != worker.uid):
            del self._workers[key]
            worker.abandon()
            worker.volumes.remove()
            worker = None
        if pod is None or pod["spec"].get("nodeName") != self.machine.name:
            return None
        if worker is None:
            if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
                self._bury(pod)
                return None
            worker = self._workers[key] = self._take_up(pod, key)
        return worker.sync(pod)

    def behind(self) -> Iterator[str]:
        """Which pods are on their way up or down."""
        for place, worker in self._workers.items():
            if worker.changing:
                yield f"{self.name}: pod {'/'.join(place)}"

    def _forget_gone(self) -> None:
        """Removes the directories of pods that went while nobody was here."""
        for uid in set(self.machine.disk.pods()) - self._from_before:
            remove(self.machine.disk.of_pod(uid))

    def _take_up(self, pod: Object, key: Place) -> PodWorker:
        interrupted = uid_of(pod) in self._from_before
        self._from_before.discard(uid_of(pod))
        return PodWorker(self.machine, pod, lambda: self._runtime.again(self, key), interrupted=interrupted)

    def _bury(self, pod: Object) -> None:
        """A finished pod has nothing to stop."""
        if "deletionTimestamp" in pod["metadata"]:
            self.machine.client.delete("pods", namespace_of(pod), name_of(pod), grace=0, uid=uid_of(pod))
