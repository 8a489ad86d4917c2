"""Columns of pods: the status word that learners read first.

Upstream: kubernetes `pkg/printers/internalversion/printers.go`, `printPod`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pocketmesh.objects import Object, condition, is_true
from pocketmesh.schema import ages
from pocketmesh.schema.builtin.columns.cells import AGE, NAME, NONE, at, text, timed


def ready(pod: Object) -> str:
    """`1/2`: ready containers of all that keep running."""
    sidecars = _sidecars(pod)
    up = sum(
        1
        for status in at(pod, "status.initContainerStatuses", ())
        if status["name"] in sidecars and status.get("started") and status.get("ready")
    )
    if _init_reason(pod) is None or is_true(pod, "Initialized"):
        up += sum(
            1
            for status in at(pod, "status.containerStatuses", ())
            if status.get("ready") and "running" in status.get("state", {})
        )
    return f"{up}/{len(at(pod, 'spec.containers', ())) + len(sidecars)}"


def status(pod: Object) -> str:
    """`Running`, `Init:0/1`, `CrashLoopBackOff`, `Terminating`…"""
    phase = at(pod, "status.phase")
    if "deletionTimestamp" in pod["metadata"]:
        if at(pod, "status.reason") == "NodeLost":
            return "Unknown"
        if phase not in ("Succeeded", "Failed"):
            return "Terminating"
    reason = str(at(pod, "status.reason") or phase)
    if (condition(pod, "PodScheduled") or {}).get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    initializing = _init_reason(pod)
    if initializing is None or is_true(pod, "Initialized"):
        return _containers_reason(pod, initializing or reason)
    return initializing


def restarts(pod: Object, now: datetime) -> str:
    """`3 (2m ago)`."""
    sidecars = _sidecars(pod)
    inits = at(pod, "status.initContainerStatuses", ())
    if _init_reason(pod) is None or is_true(pod, "Initialized"):
        counted = [entry for entry in inits if entry["name"] in sidecars]
        counted += at(pod, "status.containerStatuses", ())
    else:
        counted = inits
    count = sum(entry.get("restartCount", 0) for entry in counted)
    last = max((at(entry, "lastState.terminated.finishedAt") for entry in counted), default="")
    return f"{count} ({ages.since(last, now)} ago)" if count and last else str(count)


def _sidecars(pod: Object) -> set[str]:
    """Init containers that go on running beside the others."""
    containers = at(pod, "spec.initContainers", ())
    return {container["name"] for container in containers if container.get("restartPolicy") == "Always"}


def _init_reason(pod: Object) -> str | None:
    """What the init containers are at, None when they are through."""
    sidecars = _sidecars(pod)
    for index, entry in enumerate(at(pod, "status.initContainerStatuses", ())):
        terminated, waiting = at(entry, "state.terminated", None), at(entry, "state.waiting", {})
        if terminated is not None and terminated.get("exitCode", 0) == 0:
            continue
        if entry["name"] in sidecars and entry.get("started"):
            continue
        if terminated is not None:
            return f"Init:{_ended(terminated)}"
        if waiting.get("reason", "PodInitializing") != "PodInitializing":
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{len(at(pod, 'spec.initContainers', ()))}"
    return None


def _containers_reason(pod: Object, reason: str) -> str:
    """The first container that has something to say has the word."""
    running, failed = False, ""
    for entry in reversed(at(pod, "status.containerStatuses", [])):
        terminated, waiting = at(entry, "state.terminated", None), at(entry, "state.waiting", {})
        if waiting.get("reason"):
            reason = waiting["reason"]
        elif terminated is not None:
            reason = _ended(terminated)
            failed = reason if terminated.get("exitCode", 0) else failed
        elif entry.get("ready") and "running" in entry.get("state", {}):
            running = True
    if reason != "Completed":
        return reason
    if running and is_true(pod, "Ready"):
        return "Running"
    return failed or ("NotReady" if running else reason)


def _ended(terminated: Object) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _readiness_gates(pod: Object) -> str:
    gates = at(pod, "spec.readinessGates", ())
    passed = sum(1 for gate in gates if is_true(pod, gate["conditionType"]))
    return f"{passed}/{len(gates)}" if gates else NONE


def _ip(pod: Object) -> object:
    addresses = at(pod, "status.podIPs", ())
    return addresses[0]["ip"] if addresses else NONE


COLUMNS: Final = {
    "pods": (
        NAME,
        text("Ready", ready),
        text("Status", status),
        timed("Restarts", restarts),
        AGE,
        text("IP", _ip, wide=True),
        text("Node", lambda pod: at(pod, "spec.nodeName") or NONE, wide=True),
        text("Nominated Node", lambda pod: at(pod, "status.nominatedNodeName") or NONE, wide=True),
        text("Readiness Gates", _readiness_gates, wide=True),
    )
}
