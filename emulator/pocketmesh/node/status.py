"""A pod's status from the states of its containers: phase, conditions, container statuses. Pure.

Follows getPhase in pkg/kubelet/kubelet_pods.go and pkg/kubelet/status/generate.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from pocketmesh.controllers.conditions import with_condition
from pocketmesh.objects import Object, condition, is_true

Role: TypeAlias = Literal["init", "main", "ephemeral"]

PLACES: Final[dict[Role, str]] = {
    "init": "initContainers",
    "main": "containers",
    "ephemeral": "ephemeralContainers",
}
STATUSES: Final[dict[Role, str]] = {
    "init": "initContainerStatuses",
    "main": "containerStatuses",
    "ephemeral": "ephemeralContainerStatuses",
}


@dataclass
class ContainerState:
    """One container as `kubectl describe pod` shows it. `state` and `last` hold at most one of the
    keys `waiting`, `running`, `terminated`."""

    name: str
    image: str
    image_id: str = ""
    id: str = ""
    sidecar: bool = False
    state: Object = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: Object = field(default_factory=dict)
    restarts: int = 0
    ready: bool = False
    started: bool = False

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return "running" in self.state

    @property
    def exit_code(self) -> int | None:
        """How it ended, None while it has not."""
        code = self.state.get("terminated", {}).get("exitCode")
        return None if code is None else int(code)

    @property
    def initialized(self) -> bool:
        """For an init container: whether the next one may start."""
        return self.started if self.sidecar else self.exit_code == 0

    def row(self, role: Role) -> Object:
        """Its entry in the status of its pod."""
        ready = self.exit_code == 0 if role == "init" and not self.sidecar else self.ready
        ready = ready and role != "ephemeral"
        row: Object = {
            "name": self.name,
            "state": self.state,
            "lastState": self.last,
            "ready": ready,
            "restartCount": self.restarts,
            "image": self.image,
            "imageID": self.image_id,
            "started": self.started,
        }
        return {**row, "containerID": self.id} if self.id else row


def continued(spec: Object, before: Object, now: str) -> tuple[ContainerState, bool]:
    """Where a container stands when its pod is taken up, and whether its next start is a restart.

    `before` is its last reported status, empty for a new pod. What ran then was cut off with the process
    that ran it, which the kubelet reports as exit code 255 for reason Unknown.
    """
    state = ContainerState(spec["name"], before.get("image") or spec["image"])
    state.sidecar = spec.get("restartPolicy") == "Always"
    if not before:
        return state, False
    state.restarts, state.last = before.get("restartCount", 0), before.get("lastState") or {}
    state.image_id, state.id = before.get("imageID", ""), before.get("containerID", "")
    known = before.get("state") or {}
    if "terminated" in known:
        state.state = known
    if "running" not in known:
        return state, False
    cut = {"exitCode": 255, "reason": "Unknown", "finishedAt": now, "containerID": state.id}
    state.last = {"terminated": {**cut, "startedAt": known["running"].get("startedAt", now)}}
    return state, True


def phase(init: Sequence[ContainerState], main: Sequence[ContainerState], restart: str) -> str:
    """`status.phase`; `restart` is the pod's restart policy."""
    for each in init:
        if each.exit_code and not each.sidecar and restart == "Never":
            return "Failed"
        if not each.initialized and not (each.sidecar and each.restarts):
            return "Pending"
    running = [each for each in main if each.running]
    stopped = [each for each in main if _last_exit(each) is not None and not each.running]
    if len(running) + len(stopped) < len(main):
        return "Pending"
    if running or restart == "Always":
        return "Running"
    if all(_last_exit(each) == 0 for each in stopped):
        return "Succeeded"
    return "Failed" if restart == "Never" else "Running"


def _last_exit(state: ContainerState) -> int | None:
    if state.exit_code is not None:
        return state.exit_code
    code = state.last.get("terminated", {}).get("exitCode") if "waiting" in state.state else None
    return None if code is None else int(code)


def pod_status(
    pod: Object,
    init: Sequence[ContainerState],
    main: Sequence[ContainerState],
    *,
    ephemeral: Sequence[ContainerState] = (),
    ip: str,
    host_ip: str,
    now: str,
) -> Object:
    """The whole status; conditions of others, such as the scheduler, are kept."""
    before = pod.get("status") or {}
    now_phase = phase(init, main, pod["spec"].get("restartPolicy", "Always"))
    status: Object = {"phase": now_phase, "qosClass": before.get("qosClass", "BestEffort")}
    if "generation" in pod["metadata"]:
        status["observedGeneration"] = pod["metadata"]["generation"]
    status["startTime"] = before.get("startTime", now)
    status["hostIP"], status["hostIPs"] = host_ip, [{"ip": host_ip}]
    if ip:
        status["podIP"], status["podIPs"] = ip, [{"ip": ip}]
    status["conditions"] = _conditions(pod, init, main, now_phase, bool(ip), now)
    groups: list[tuple[Role, Sequence[ContainerState]]] = [
        ("init", init),
        ("main", main),
        ("ephemeral", ephemeral),
    ]
    for role, states in groups:
        if states:
            status[STATUSES[role]] = [each.row(role) for each in states]
    return status


def _conditions(
    pod: Object,
    init: Sequence[ContainerState],
    main: Sequence[ContainerState],
    now_phase: str,
    sandbox: bool,
    now: str,
) -> list[Object]:
    alive = now_phase not in ("Succeeded", "Failed")
    initialized = _gathered("Initialized", [e.name for e in init if not e.initialized], "incomplete")
    unready = [e.name for e in (*(i for i in init if i.sidecar), *main) if not e.ready]
    containers = _gathered("ContainersReady", unready, "unready")
    if not alive:
        finished = {"status": "False", "reason": "PodCompleted" if now_phase == "Succeeded" else "PodFailed"}
        containers = {"type": "ContainersReady", **finished}
    ready = {**containers, "type": "Ready"}
    if containers["status"] == "True" and (missing := _closed_gates(pod)):
        reason = "ReadinessGatesNotReady"
        ready = {"type": "Ready", "status": "False", "reason": reason, "message": missing}
    mine = [
        {"type": "PodReadyToStartContainers", "status": "True" if sandbox and alive else "False"},
        initialized,
        ready,
        containers,
        {"type": "PodScheduled", "status": "True"},
    ]
    before = (pod.get("status") or {}).get("conditions") or []
    types = {entry["type"] for entry in mine}
    others = [entry for entry in before if entry["type"] not in types]
    return [_set(before, entry, now) for entry in mine] + others


def _set(before: Iterable[Object], entry: dict[str, Any], now: str) -> Object:
    old = [each for each in before if each["type"] == entry["type"]]
    new = with_condition(old, entry, now)[0]
    obsolete = [name for name in ("reason", "message") if name in new and name not in entry]
    return {name: value for name, value in new.items() if name not in obsolete}


def _gathered(kind: str, lacking: Sequence[str], word: str) -> dict[str, Any]:
    if not lacking:
        return {"type": kind, "status": "True"}
    reason = "ContainersNotInitialized" if kind == "Initialized" else "ContainersNotReady"
    message = f"containers with {word} status: [{' '.join(lacking)}]"
    return {"type": kind, "status": "False", "reason": reason, "message": message}


def _closed_gates(pod: Object) -> str:
    """What is wrong with the pod's readiness gates; empty when all are open."""
    problems = []
    for gate in pod["spec"].get("readinessGates") or []:
        kind = gate["conditionType"]
        if condition(pod, kind) is None:
            problems.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif not is_true(pod, kind):
            problems.append(f'the status of pod readiness gate "{kind}" is not "True", but False')
    return ", ".join(problems)
