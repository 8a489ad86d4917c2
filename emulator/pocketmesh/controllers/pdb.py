"""PodDisruptionBudgets: how many pods may be evicted now (pkg/controller/disruption).

The eviction itself is the API's; it spends what is granted here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.api.selectors import selects_labels
from pocketmesh.clock import Clock, parse, rfc3339
from pocketmesh.controllers.conditions import with_condition
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.keys import Place, own
from pocketmesh.controllers.pods import is_ready
from pocketmesh.controllers.rollout import absolute
from pocketmesh.objects import Object, controller_of, labels_of, name_of, namespace_of, uid_of
from pocketmesh.store import Event

RESOURCE: Final = "poddisruptionbudgets.policy"
_PATIENCE: Final = timedelta(minutes=2)
_UNMANAGED: Final = (
    "Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. "
    "As a result, the status of the PDB cannot be calculated correctly, which may result in undefined "
    'behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer '
    "value."
)


class NotScalable(Exception):
    """A pod's controller does not say how many pods there should be; the message is upstream's."""


class DisruptionBudgets:
    """Counts healthy pods against what each budget demands."""

    name = "disruption"

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._events = Recorder(client, clock, "controllermanager")

    def concerns(self, event: Event) -> Iterable[Hashable]:
        yield from own(event, RESOURCE)
        if event.key.resource == "pods":
            shown = [labels_of(stored.object) for stored in (event.stored, event.previous) if stored]
            for budget in self._client.all(RESOURCE, event.key.namespace):
                if any(selects_labels(budget["spec"].get("selector"), labels) for labels in shown):
                    yield (event.key.namespace, name_of(budget))

    def reconcile(self, key: Place) -> float | None:
        budget = self._client.get(RESOURCE, *key)
        if budget is None:
            return None
        selector, now = budget["spec"].get("selector"), self._clock.now()
        pods = [pod for pod in self._client.all("pods", key[0]) if selects_labels(selector, labels_of(pod))]
        if not pods:
            self._events.event(budget, "Normal", "NoPods", "No matching pods found")
        try:
            expected = self._expected(budget, pods)
        except NotScalable as error:
            message = f"Failed to calculate the number of expected pods: {error}"
            self._events.event(budget, "Warning", "CalculateExpectedPodCountFailed", message)
            status = failed_status(budget, str(error), rfc3339(now))
        else:
            status = budget_status(budget, pods, expected, now)
        self._client.update_status(RESOURCE, {**budget, "status": status})
        return _PATIENCE.total_seconds() if status.get("disruptedPods") else None

    def _expected(self, budget: Object, pods: Sequence[Object]) -> int:
        """How many pods there should be: those there are, unless a share of them is asked for."""
        spec = budget["spec"]
        if "maxUnavailable" not in spec and isinstance(spec.get("minAvailable", 0), int):
            return len(pods)
        unmanaged = [pod for pod in pods if controller_of(pod) is None]
        if unmanaged:
            message = _UNMANAGED.format(selector=_shown(spec.get("selector") or {}))
            self._events.event(budget, "Warning", "UnmanagedPods", message)
        return sum(dict(self._scale(pod) for pod in pods if controller_of(pod) is not None).values())

    def _scale(self, pod: Object) -> tuple[str, int]:
        """The uid and size of what a pod is one of: a ReplicaSet stands for its Deployment."""
        reference, namespace = controller_of(pod) or {}, namespace_of(pod)
        owner = self._owner(reference, namespace)
        while owner is not None and (above := controller_of(owner)) is not None:
            higher = self._owner(above, namespace)
            if higher is None or "replicas" not in (higher.get("spec") or {}):
                break
            owner = higher
        if owner is None:
            raise NotScalable(f'found no controllers for pod "{name_of(pod)}"')
        return uid_of(owner), int(owner["spec"].get("replicas", 1))

    def _owner(self, reference: Object, namespace: str) -> Object | None:
        kind = self._client.registry.kinds.of(reference["apiVersion"], reference["kind"])
        if kind is None:
            return None
        if "scale" not in kind.subresources:
            raise NotScalable(f"{kind.resource} does not implement the scale subresource")
        owner = self._client.get(kind.resource, namespace, reference["name"])
        return owner if owner is not None and uid_of(owner) == reference["uid"] else None


def budget_status(budget: Object, pods: Sequence[Object], expected: int, now: datetime) -> Object:
    """The status of a budget. A pod whose eviction was granted does not count, for two minutes at most."""
    desired = desired_healthy(budget, expected)
    noted = (budget.get("status") or {}).get("disruptedPods") or {}
    living = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    going = {
        name_of(pod): noted[name_of(pod)]
        for pod in living
        if name_of(pod) in noted and parse(noted[name_of(pod)]) + _PATIENCE >= now
    }
    healthy = sum(is_ready(pod) for pod in living if name_of(pod) not in going)
    allowed = max(0, healthy - desired) if expected > 0 else 0
    said = {"type": "DisruptionAllowed", "status": "True" if allowed else "False", "message": ""}
    said |= {"reason": "SufficientPods" if allowed else "InsufficientPods"}
    status: Object = {
        "conditions": _with_observed(budget, said, rfc3339(now)),
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "disruptionsAllowed": allowed,
        "expectedPods": expected,
        "observedGeneration": budget["metadata"].get("generation", 0),
    }
    return {**status, "disruptedPods": going} if going else status


def failed_status(budget: Object, why: str, now: str) -> Object:
    """The status of a budget that cannot be reckoned: it allows nothing."""
    said = {"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": why}
    counts = {"currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}
    conditions = _with_observed(budget, said, now)
    return {**counts, **(budget.get("status") or {}), "disruptionsAllowed": 0, "conditions": conditions}


def desired_healthy(budget: Object, expected: int) -> int:
    """How many pods must stay healthy; percentages round up."""
    spec = budget["spec"]
    if "maxUnavailable" in spec:
        return max(0, expected - absolute(spec["maxUnavailable"], expected, up=True))
    return absolute(spec.get("minAvailable", 0), expected, up=True)


def _with_observed(budget: Object, said: Object, now: str) -> list[Object]:
    said["observedGeneration"] = budget["metadata"].get("generation", 0)
    return with_condition((budget.get("status") or {}).get("conditions") or [], said, now)


def _shown(selector: Object) -> str:
    """A selector as Go prints it in this Event."""
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        "MatchExpressions:[]LabelSelectorRequirement{},}"
    )
