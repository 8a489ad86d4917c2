"""The scheduler: every pod goes to the first node that fits, and says why when none does.

Nodes are few, so it filters and never scores, and nobody is preempted
(pkg/scheduler/framework/plugins: nodeaffinity, nodeunschedulable, tainttoleration; `scheduler_room`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.controllers.conditions import with_condition
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.keys import Place, own
from pocketmesh.controllers.pods import phase
from pocketmesh.controllers.scheduler_room import lack
from pocketmesh.controllers.scheduler_volumes import ELSEWHERE as VOLUME_ELSEWHERE
from pocketmesh.controllers.scheduler_volumes import ClaimsOfPods
from pocketmesh.controllers.volumes import CLAIMS, VOLUMES
from pocketmesh.objects import Object, labels_of, name_of, namespace_of
from pocketmesh.store import Event

SCHEDULER: Final = "default-scheduler"
_CORDONED: Final = "node(s) were unschedulable"
_TAINTED: Final = "node(s) had untolerated taint(s)"
_ELSEWHERE: Final = "node(s) didn't match Pod's node affinity/selector"
_UNRESOLVABLE: Final = (_CORDONED, _TAINTED, _ELSEWHERE, VOLUME_ELSEWHERE)
_WAITED_FOR: Final = ("nodes", CLAIMS, VOLUMES)


class Scheduler:
    """Binds pods to nodes."""

    name = "scheduler"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._events = Recorder(client, clock, SCHEDULER)
        self._claims = ClaimsOfPods(client, _term_fits)

    def concerns(self, event: Event) -> Iterable[Hashable]:
        yield from own(event, "pods")
        if event.key.resource in _WAITED_FOR or _frees_room(event):
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
        if nodes and (hopeless := self._claims.hopeless(pod)):
            self._refuse(pod, summary_of_none(hopeless, len(nodes)))
            return None
        by_name = {name_of(node): node for node in nodes}
        others = [other for other in self._client.all("pods") if _occupies(other)]
        refusals = {
            name: [why]
            if (why := refusal(pod, node))
            else lack(pod, node, others, by_name) or self._claims.lack(pod, node)
            for name, node in by_name.items()
        }
        fitting = next((name for name, why in refusals.items() if not why), None)
        if fitting is None:
            self._refuse(pod, summary(list(refusals.values())))
        elif self._claims.bound(pod, by_name[fitting]):
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
            return _CORDONED
        taints = [taint for taint in taints if taint["key"] != cordon["key"]]
    for taint in taints:
        counts = taint["effect"] == only if only else taint["effect"] != "PreferNoSchedule"
        if counts and not _tolerated(taint, tolerations):
            return _TAINTED
    if not (pod["spec"].get("nodeSelector") or {}).items() <= labels_of(node).items():
        return _ELSEWHERE
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required and not any(_term_fits(term, node) for term in required["nodeSelectorTerms"]):
        return _ELSEWHERE
    return ""


def summary(refusals: Sequence[Sequence[str]]) -> str:
    """`0/1 nodes are available: 1 node(s) were unschedulable. …`, given every node's reasons."""
    if not refusals:
        return "no nodes available to schedule pods"
    total = len(refusals)
    reasons = Counter(why for each in refusals for why in each)
    hopeless = sum(any(why in _UNRESOLVABLE for why in each) for each in refusals)
    preemption = {
        "No preemption victims found for incoming pod": total - hopeless,
        "Preemption is not helpful for scheduling": hopeless,
    }
    return (
        f"0/{total} nodes are available: {_counted(reasons)}. no new claims to deallocate, "
        f"preemption: 0/{total} nodes are available: {_counted(preemption)}."
    )


def summary_of_none(why: str, total: int) -> str:
    """`0/1 nodes are available: persistentvolumeclaim "data" not found. …`: what concerns every node."""
    return (
        f"0/{total} nodes are available: {why}. no new claims to deallocate, preemption: 0/{total} nodes are "
        f"available: {total} Preemption is not helpful for scheduling."
    )


def _counted(reasons: Mapping[str, int]) -> str:
    return ", ".join(sorted(f"{count} {why}" for why, count in reasons.items() if count))


def _frees_room(event: Event) -> bool:
    """Whether a pod has left its node or is over."""
    if event.key.resource != "pods" or event.previous is None or not _occupies(event.previous.object):
        return False
    return event.type == "DELETED" or not _occupies(event.object)


def _occupies(pod: Object) -> bool:
    """Whether a pod takes room on a node."""
    return bool(pod["spec"].get("nodeName")) and phase(pod) not in ("Succeeded", "Failed")


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
