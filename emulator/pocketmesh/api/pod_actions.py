"""The subresources of a pod that are verbs: `binding` puts it on a node, `eviction` asks it to go.

Follows k8s.io/kubernetes/pkg/registry/core/pod/storage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pocketmesh.api import errors
from pocketmesh.api.calls import DeleteOptions, Deletion, Result, Write, part
from pocketmesh.objects import Object, labels_of
from pocketmesh.schema.kind import Kind
from pocketmesh.store import Key, Store, Stored

Delete = Callable[[Kind, str, str, DeleteOptions, Write], Deletion]

_DONE: Final[Object] = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Success",
    "code": 201,
}
_BUDGETS: Final = "poddisruptionbudgets.policy"


def bind(
    store: Store, now: Callable[[], str], kind: Kind, namespace: str, name: str, body: Object, write: Write
) -> Result:
    """Assigns a pod to the node that a Binding names. Raises ApiError 404, or 409 for a pod that has one."""
    stored = _pod(store, kind, namespace, name)
    pod = stored.object
    node = part(body, "target").get("name") or ""
    if not node:
        raise errors.bad_request("target.name: Required value")
    if pod["spec"].get("nodeName"):
        raise errors.conflict(
            kind, name, f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
        )
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": now()}
    others = [entry for entry in pod["status"].get("conditions") or [] if entry["type"] != "PodScheduled"]
    status = {**pod["status"], "conditions": [*others, scheduled]}
    if not write.dry_run:
        store.update(stored.key, {**pod, "spec": {**pod["spec"], "nodeName": node}, "status": status})
    return Result(_DONE, True)


def evict(
    store: Store, delete: Delete, kind: Kind, namespace: str, name: str, body: Object, write: Write
) -> Result:
    """Deletes a pod unless a disruption budget forbids it. Raises ApiError 404 or 429."""
    pod = _pod(store, kind, namespace, name).object
    for stored in store.objects(_BUDGETS, namespace):
        budget = stored.object
        status = budget.get("status") or {}
        if _covers(budget, pod) and not status.get("disruptionsAllowed"):
            cause = {
                "reason": "DisruptionBudget",
                "message": f"The disruption budget {stored.key.name} needs {status.get('desiredHealthy', 0)} "
                f"healthy pods and has {status.get('currentHealthy', 0)} currently",
            }
            message = "Cannot evict pod as it would violate the pod's disruption budget."
            raise errors.too_many_requests(message, [cause])
    delete(kind, namespace, name, DeleteOptions.read(part(body, "deleteOptions")), write)
    return Result(_DONE, True)


def _pod(store: Store, kind: Kind, namespace: str, name: str) -> Stored:
    stored = store.get(Key(kind.resource, namespace, name))
    if stored is None:
        raise errors.not_found(kind, name)
    return stored


def _covers(budget: Object, pod: Object) -> bool:
    """An empty selector covers every pod of the namespace, an absent one none (policy/v1)."""
    selector = (budget.get("spec") or {}).get("selector")
    labels = labels_of(pod)
    wanted = (selector or {}).get("matchLabels") or {}
    return selector is not None and all(labels.get(key) == value for key, value in wanted.items())
