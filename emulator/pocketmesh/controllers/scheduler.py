"""The scheduler: every pod goes to the first node that fits, and says why when none does.

Nodes are few and nothing here runs out of CPU, so it filters and never scores
(pkg/scheduler/framework/plugins: nodeaffinity, nodeunschedulable, tainttoleration).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.controllers.conditions import with_condition
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.keys import Place, own
from pocketmesh.objects import Object, labels_of, name_of, namespace_of
from pocketmesh.store import Event

SCHEDULER: Final = "default-scheduler"


class Scheduler:
    """Binds pods to nodes."""

    name = "scheduler"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._events = Recorder(client, clock, SCHEDULER)

    def concerns(self, event: Event) -> Iterable[Hashable]:
        yield from own(event, "pods")
        for _ in own(event, "nodes"):
            for pod in self._client.all("pods"):
                if not pod["spec"].get("nodeName"):
                    yield (namespace_of(pod), name_of(pod))

    def reconcile(self, key: Place) -> float | None:
        pod = self._client.get("pods", *key)
        if pod is None or pod["spec"].get("nodeName") or "deletionTimestamp" in pod["metadata"]:
            return None
        if pod["spec"].get("schedulerName", SCHEDULER) != SCHEDULER:
            return None
        nodes = self._client.all("nodes")
        refusals = {name_of(node): refusal(pod, node) for node in nodes}
        fitting = next((name for name, why in refusals.items() if not why), None)
        if fitting is None:
            self._refuse(pod, summary(list(refusals.values())))
        else:
            self._bind(pod, fitting)
        return None

    def _bind(self, pod: Object, node: str) -> None:
        namespace, name = namespace_of(pod), name_of(pod)
        pod = self._client.merge("pods", namespace, name, {"spec": {"nodeName": node}}, "binding")
        self._say(pod, {"type": "PodScheduled", "status": "True"})
        message = f"Successfully assigned {namespace}/{name} to {node}"
        self._events.event(pod, "Normal", "Scheduled", message)

    def _refuse(self, pod: Object, message: str) -> None:
        said = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        self._say(pod, said)
        self._events.event(pod, "Warning", "FailedScheduling", message)

    def _say(self, pod: Object, said: Object) -> None:
        status = pod.get("status") or {}
        conditions = [entry for entry in status.get("conditions") or [] if entry != said]
        conditions = with_condition(conditions, said, rfc3339(self._clock.now()))
        self._client.update_status("pods", {**pod, "status": {**status, "conditions": conditions}})


def refusal(pod: Object, node: Object, *, only: str = "") -> str:
    """Why a node does not take a pod, in the scheduler's words; empty when it does.

    `only` an effect of taints makes it overlook the others: with NoExecute, why a pod may not even stay.
    """
    tolerations = pod["spec"].get("tolerations") or []
    taints = list((node.get("spec") or {}).get("taints") or [])
    if (node.get("spec") or {}).get("unschedulable") and not only:
        cordon = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
        if not _tolerated(cordon, tolerations):
            return "node(s) were unschedulable"
        taints = [taint for taint in taints if taint["key"] != cordon["key"]]
    for taint in taints:
        counts = taint["effect"] == only if only else taint["effect"] != "PreferNoSchedule"
        if counts and not _tolerated(taint, tolerations):
            return "node(s) had untolerated taint(s)"
    if not (pod["spec"].get("nodeSelector") or {}).items() <= labels_of(node).items():
        return "node(s) didn't match Pod's node affinity/selector"
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required and not any(_term_fits(term, node) for term in required["nodeSelectorTerms"]):
        return "node(s) didn't match Pod's node affinity/selector"
    return ""


def summary(refusals: Sequence[str]) -> str:
    """`0/1 nodes are available: 1 node(s) were unschedulable. …`"""
    if not refusals:
        return "no nodes available to schedule pods"
    counted = ", ".join(f"{refusals.count(why)} {why}" for why in sorted(set(refusals)))
    total = len(refusals)
    return (
        f"0/{total} nodes are available: {counted}. preemption: 0/{total} nodes are available: "
        f"{total} Preemption is not helpful for scheduling."
    )


def _tolerated(taint: Object, tolerations: Iterable[Object]) -> bool:
    for toleration in tolerations:
        if toleration.get("effect") not in (None, "", taint["effect"]):
            continue
        if toleration.get("operator", "Equal") == "Exists":
            if toleration.get("key") in (None, "", taint["key"]):
                return True
        elif toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""):
            return True
    return False


def _term_fits(term: Object, node: Object) -> bool:
    wanted = [
        *((each, labels_of(node)) for each in term.get("matchExpressions") or []),
        *((each, {"metadata.name": name_of(node)}) for each in term.get("matchFields") or []),
    ]
    return bool(wanted) and all(_holds(expression, values) for expression, values in wanted)


def _holds(expression: Object, values: dict[str, str]) -> bool:
    key, wanted = expression["key"], expression.get("values") or []
    value = values.get(key)
    match expression["operator"]:
        case "In":
            return value in wanted
        case "NotIn":
            return value not in wanted
        case "Exists":
            return key in values
        case "DoesNotExist":
            return key not in values
        case "Gt":
            return value is not None and int(value) > int(wanted[0])
        case "Lt":
            return value is not None and int(value) < int(wanted[0])
    return False
