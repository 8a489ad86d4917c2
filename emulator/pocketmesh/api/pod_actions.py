"""The subresource `binding` of a pod, which puts it on a node
(k8s.io/kubernetes/pkg/registry/core/pod).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pocketmesh.api import errors
from pocketmesh.api.calls import Result, Write, part
from pocketmesh.objects import Object
from pocketmesh.schema.kind import Kind
from pocketmesh.store import Key, Store, Stored

_DONE: Final[Object] = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Success",
    "code": 201,
}


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


def _pod(store: Store, kind: Kind, namespace: str, name: str) -> Stored:
    stored = store.get(Key(kind.resource, namespace, name))
    if stored is None:
        raise errors.not_found(kind, name)
    return stored
