"""One pod on the node, from its address to its end: init containers in order, then the others.

Level-driven: `sync` may be called at any time with the pod as it is now. Follows SyncPod in
pkg/kubelet/kubelet.go and computePodActions in pkg/kubelet/kuberuntime.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

from pocketmesh.clock import parse
from pocketmesh.node.container import ContainerWorker
from pocketmesh.node.machine import Machine
from pocketmesh.node.mounts import PodVolumes, Unmountable
from pocketmesh.node.network import SandboxFailed
from pocketmesh.node.status import STATUSES, Role, pod_status
from pocketmesh.objects import Object, name_of, namespace_of, uid_of

_SANDBOX_RETRY: Final = 2.0
"""Seconds until a pod whose network could not be set up is tried again."""
_DISOBEDIENCE: Final = 1.0
"""Seconds that a program which was killed has to be gone, before the pod goes without it."""
_FIRST_MOUNT_RETRY: Final = 0.5
_LAST_MOUNT_RETRY: Final = 122.0
"""Seconds between attempts to mount, doubling (pkg/volume/util/operationexecutor)."""


class PodWorker:
    """Keeps one pod running. `changed` asks for another `sync`.

    `interrupted` tells whether what the status says to run was cut off by the death of this process;
    otherwise it is what a snapshot brought back, and starts as if nothing had happened.
    """

    def __init__(
        self, machine: Machine, pod: Object, changed: Callable[[], None], *, interrupted: bool
    ) -> None:
        self.uid = uid_of(pod)
        self.ip = ""
        self._machine = machine
        self.pod = pod
        self.volumes = PodVolumes(machine, pod)
        self._mount_pause = _FIRST_MOUNT_RETRY
        self._interrupted = interrupted
        self._changed = changed
        self.init = [self._worker(spec, "init") for spec in pod["spec"].get("initContainers") or []]
        self.main = [self._worker(spec, "main") for spec in pod["spec"]["containers"]]
        self.ephemeral: list[ContainerWorker] = []

    def _worker(self, spec: Object, role: Role) -> ContainerWorker:
        rows = (self.pod.get("status") or {}).get(STATUSES[role]) or []
        before: Object = next((row for row in rows if row["name"] == spec["name"]), {})
        if not self._interrupted and "running" in (before.get("state") or {}):
            before = {**before, "state": {}}
        return ContainerWorker(self._machine, self.pod, spec, before, self._changed, role, self.volumes)

    @property
    def containers(self) -> list[ContainerWorker]:
        """All of them, init containers first."""
        return [*self.init, *self.main, *self.ephemeral]

    @property
    def changing(self) -> bool:
        """Whether it is on its way up or down, and may be there in a moment."""
        return any(worker.changing for worker in self.containers)

    def sync(self, pod: Object) -> float | None:
        """Does what is to be done now; returns the seconds until there may be more."""
        self.pod = pod
        if "deletionTimestamp" in pod["metadata"]:
            return self._terminate()
        try:
            waits = [self.volumes.refresh(pod)]
        except Unmountable as problem:
            if not self.ip:
                return self._say_unmounted(problem)
            waits = []
        if not self.ip:
            try:
                self.ip = self._machine.network.attach(pod)
            except SandboxFailed as failure:
                return self._say_failed(failure)
        waits += [*self._run(), *(worker.probe(self.ip) for worker in self.containers)]
        self._write_status()
        return min((wait for wait in waits if wait is not None), default=None)

    def _say_failed(self, failure: SandboxFailed) -> float:
        sandbox = hashlib.sha256(self.uid.encode()).hexdigest()
        message = (
            "Failed to create pod sandbox: rpc error: code = Unknown desc = "
            f'failed to setup network for sandbox "{sandbox}": {failure}'
        )
        self._machine.events.event(self.pod, "Warning", "FailedCreatePodSandBox", message)
        self._write_status()
        return _SANDBOX_RETRY

    def _say_unmounted(self, problem: Unmountable) -> float:
        self._machine.events.event(self.pod, "Warning", "FailedMount", str(problem))
        self._write_status()
        pause, self._mount_pause = self._mount_pause, min(2 * self._mount_pause, _LAST_MOUNT_RETRY)
        return pause

    def abandon(self) -> None:
        """Ends a pod that is gone from the API already."""
        for worker in self.containers:
            worker.stop(killed=True)
        self._machine.network.detach(self.uid)

    def _run(self) -> Iterable[float | None]:
        restart = self.pod["spec"].get("restartPolicy", "Always")
        for spec in (self.pod["spec"].get("ephemeralContainers") or [])[len(self.ephemeral) :]:
            self.ephemeral.append(self._worker(spec, "ephemeral"))
        for worker in self.ephemeral:
            yield worker.keep_running(self.pod, self.ip, "Never")
        for worker in self.init:
            if worker.state.sidecar:
                yield worker.keep_running(self.pod, self.ip, "Always")
                worker.probe(self.ip)
                if not worker.state.started:
                    return
            elif worker.state.exit_code != 0:
                yield worker.keep_running(self.pod, self.ip, "Never" if restart == "Never" else "OnFailure")
                return
        for worker in self.main:
            yield worker.keep_running(self.pod, self.ip, restart)
        if self.main and all(self._is_over(worker, restart) for worker in self.main):
            for worker in self.init:
                worker.stop()

    def _is_over(self, worker: ContainerWorker, restart: str) -> bool:
        code = worker.state.exit_code
        return code is not None and (restart == "Never" or (restart == "OnFailure" and code == 0))

    def _terminate(self) -> float | None:
        """Asks every program to end, and tells the API once all have, or once their time is up."""
        metadata = self.pod["metadata"]
        grace = metadata.get("deletionGracePeriodSeconds", 0)
        # The timestamp has whole seconds, so the last of them counts in full.
        end = parse(metadata["deletionTimestamp"]) + timedelta(seconds=1 if grace else 0)
        left = (end - self._machine.clock.now()).total_seconds()
        for worker in self._to_stop():
            worker.end(f"Stopping container {worker.spec['name']}", grace, self.ip)
            if left <= 0:
                worker.stop(killed=True)
        if any(worker.alive for worker in self.containers) and left > -_DISOBEDIENCE:
            return left if left > 0 else left + _DISOBEDIENCE
        self._machine.network.detach(self.uid)
        self._write_status()
        pod = self.pod
        self._machine.client.delete("pods", namespace_of(pod), name_of(pod), grace=0, uid=self.uid)
        return None

    def _to_stop(self) -> list[ContainerWorker]:
        """Who is to end now: a sidecar only after everybody who may need it, the last started first."""
        needing = [worker for worker in (*self.main, *self.ephemeral) if worker.alive]
        return needing or [worker for worker in self.init if worker.alive][-1:]

    def _write_status(self) -> None:
        status = pod_status(
            self.pod,
            [worker.state for worker in self.init],
            [worker.state for worker in self.main],
            ephemeral=[worker.state for worker in self.ephemeral],
            ip=self.ip,
            host_ip=self._machine.address,
            now=self._machine.now(),
        )
        if status != self.pod.get("status"):
            self.pod = self._machine.client.update_status("pods", {**self.pod, "status": status})
