"""Eviction: deleting a pod if its disruption budget allows it.

Follows k8s.io/kubernetes/pkg/registry/core/pod/storage/eviction.go. A granted eviction is taken off the
budget at once and its pod is noted there, so that a second request cannot spend the same allowance
before the budget's controller has looked again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pocketmesh.api import errors
from pocketmesh.api.calls import DeleteOptions, Deletion, Result, Write, part
from pocketmesh.api.errors import ApiError
from pocketmesh.api.selectors import of_selector
from pocketmesh.objects import Object, condition, is_true, labels_of, name_of
from pocketmesh.schema.kind import Kind
from pocketmesh.store import Key, Store

Delete = Callable[[Kind, str, str, DeleteOptions, Write], Deletion]

BUDGETS: Final = "poddisruptionbudgets.policy"
_MESSAGE: Final = "Cannot evict pod as it would violate the pod's disruption budget."
_TWO_BUDGETS: Final = (
    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
)
_DONE: Final[Object] = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Success",
    "code": 201,
}


def evict(
    store: Store,
    delete: Delete,
    now: Callable[[], str],
    kind: Kind,
    namespace: str,
    name: str,
    body: Object,
    write: Write,
) -> Result:
    """Deletes a pod unless a disruption budget forbids it. Raises ApiError 404, 429, or 500 where two
    budgets cover the pod."""
    stored = store.get(Key(kind.resource, namespace, name))
    if stored is None:
        raise errors.not_found(kind, name)
    pod = stored.object
    if not _needs_no_budget(pod):
        budgets = [each for each in store.objects(BUDGETS, namespace) if _covers(each.object, pod)]
        if len(budgets) > 1:
            raise ApiError(500, "", _TWO_BUDGETS)
        for each in budgets:
            spent = charged(each.object, pod, now())
            if spent is not None and not write.dry_run:
                store.update(each.key, spent)
    if not write.dry_run:
        store.update(stored.key, _marked(pod, now()))
    delete(kind, namespace, name, DeleteOptions.read(part(body, "deleteOptions")), write)
    return Result(_DONE, True)


def charged(budget: Object, pod: Object, now: str) -> Object | None:
    """The budget after one more disruption, None when this one costs nothing. Raises ApiError 429."""
    spec, status, name = budget["spec"], budget.get("status") or {}, name_of(budget)
    healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    if not is_true(pod, "Ready"):
        always = spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
        if always or 0 < desired <= healthy:
            return None
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        why = f"The disruption budget {name} is still being processed by the server."
        raise errors.too_many_requests(_MESSAGE, [_cause(why)], 10)
    allowed = status.get("disruptionsAllowed", 0)
    if not allowed:
        raise errors.too_many_requests(_MESSAGE, [_cause(_reason(budget, healthy, desired))])
    disrupted = {**(status.get("disruptedPods") or {}), name_of(pod): now}
    return {**budget, "status": {**status, "disruptionsAllowed": allowed - 1, "disruptedPods": disrupted}}


def _reason(budget: Object, healthy: int, desired: int) -> str:
    name, said = name_of(budget), condition(budget, "DisruptionAllowed") or {}
    if said.get("reason") == "SyncFailed":
        why = f"because it failed sync: {said.get('message', '')}"
        return f"The disruption budget {name} does not allow evicting pods currently {why}"
    if healthy <= desired:
        return f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
    return f"The disruption budget {name} does not allow evicting pods currently"


def _cause(message: str) -> Object:
    return {"reason": "DisruptionBudget", "message": message}


def _needs_no_budget(pod: Object) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or "deletionTimestamp" in pod["metadata"]


def _covers(budget: Object, pod: Object) -> bool:
    """An empty selector covers every pod of the namespace, an absent one none (policy/v1)."""
    selector = (budget.get("spec") or {}).get("selector")
    return selector is not None and all(each.matches(labels_of(pod)) for each in of_selector(selector))


def _marked(pod: Object, now: str) -> Object:
    said: Object = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": now}
    said |= {"reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"}
    status = pod.get("status") or {}
    others = [entry for entry in status.get("conditions") or [] if entry["type"] != said["type"]]
    return {**pod, "status": {**status, "conditions": [*others, said]}}
