"""ControllerRevisions: the earlier pod templates of a DaemonSet or StatefulSet, which `kubectl rollout
history` lists and `kubectl rollout undo` patches back (pkg/controller/history).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from pocketmesh.api.client import Client
from pocketmesh.controllers.owners import claimed, owner_reference
from pocketmesh.controllers.templates import template_hash
from pocketmesh.objects import Object, annotations_of, labels_of, name_of, namespace_of

RESOURCE: Final = "controllerrevisions.apps"


def history(client: Client, owner: Object) -> list[Object]:
    """The revisions of an owner, oldest first."""
    return sorted(claimed(client, RESOURCE, owner), key=_order)


def current(client: Client, owner: Object, label: str) -> Object:
    """The revision of the owner's present template, made when missing, with the highest number.

    `label` is what carries the template's hash: pods of a DaemonSet are matched by it.
    """
    known, data = history(client, owner), _patch(owner["spec"]["template"])
    same = [each for each in known if each["data"] == data]
    number = max((each["revision"] for each in known if each["data"] != data), default=0) + 1
    if not same:
        return client.create(RESOURCE, _revision(client, owner, label, number))
    found = same[-1]
    if found["revision"] >= number:
        return found
    return client.merge(RESOURCE, namespace_of(found), name_of(found), {"revision": number})


def template_in(revision: Object) -> Object:
    """The pod template that a revision remembers."""
    template: Object = revision["data"]["spec"]["template"]
    return {field: value for field, value in template.items() if field != "$patch"}


def forgettable(known: Sequence[Object], live: Collection[str], limit: int) -> list[Object]:
    """The oldest revisions beyond `limit`, those in `live` (names) not counted."""
    idle = [each for each in known if name_of(each) not in live]
    return idle[: max(0, len(idle) - limit)]


def _revision(client: Client, owner: Object, label: str, number: int) -> Object:
    template, namespace, probe = owner["spec"]["template"], namespace_of(owner), 0
    while client.get(RESOURCE, namespace, f"{name_of(owner)[:223]}-{template_hash(template, probe)}"):
        probe += 1
    digest = template_hash(template, probe)
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"{name_of(owner)[:223]}-{digest}",
            "namespace": namespace,
            "labels": {**labels_of(template), label: digest},
            "annotations": annotations_of(owner),
            "ownerReferences": [owner_reference(owner)],
        },
        "data": _patch(template),
        "revision": number,
    }


def _patch(template: Object) -> Object:
    """The strategic merge patch that brings a template back."""
    return {"spec": {"template": {**template, "$patch": "replace"}}}


def _order(revision: Object) -> tuple[int, str, str]:
    return (revision["revision"], revision["metadata"].get("creationTimestamp", ""), name_of(revision))
