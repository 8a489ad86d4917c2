"""What a write does to the owners of an object's fields, and what an apply does to the object.

Follows `Updater.Update` and `Updater.Apply` of structured-merge-diff/merge, and the managers that
k8s.io/apimachinery/pkg/util/managedfields puts around them. Pure: the time comes in as text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import orjson

from pocketmesh.api.errors import FieldConflict, apply_conflict
from pocketmesh.api.ownership import typed
from pocketmesh.api.ownership.fieldset import FieldSet, difference, intersection, ordered, paths, union
from pocketmesh.api.ownership.managers import Entry, Malformed, Operation, Owners, kept, read, written
from pocketmesh.api.strategy import without_status
from pocketmesh.objects import Object
from pocketmesh.schema.kind import Kind

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_BEFORE: Final = "before-first-apply"
_UNOWNED: Final = frozenset(
    {
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "generation",
        "managedFields",
        "resourceVersion",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    }
)
# The structs of a built-in kind that Go always writes, so that creating an object does not own them.
_TEMPLATE: Final[Object] = {"metadata": {}, "spec": {"containers": []}}
_WRITTEN_ALWAYS: Final[dict[str, Object]] = {
    "deployments.apps": {"strategy": {}, "template": _TEMPLATE},
    "replicasets.apps": {"template": _TEMPLATE},
    "statefulsets.apps": {"updateStrategy": {}, "template": _TEMPLATE},
    "daemonsets.apps": {"updateStrategy": {}, "template": _TEMPLATE},
    "jobs.batch": {"template": _TEMPLATE},
    "pods": {"containers": []},
    # Set by the server before anybody could own it.
    "namespaces": {"finalizers": ["kubernetes"]},
}


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, through which part of the object, when."""

    manager: str
    subresource: str
    time: str

    def entry(self, kind: Kind, operation: Operation, fields: FieldSet) -> Entry:
        """This writer's entry."""
        own = ordered(fields)
        return Entry(self.manager, operation, kind.api_version, self.subresource, self.time, own)


def entries_of(obj: Object | None) -> Owners:
    """The owners of a stored object."""
    return kept(obj["metadata"].get("managedFields") or ()) if obj else []


def stated_entries(entries: object) -> Owners:
    """The owners that a client states; none when they cannot be read."""
    try:
        return read(entries)
    except Malformed:
        return []


def is_reset(entries: object) -> bool:
    """Whether a written `managedFields` asks to forget all owners: `[]` or `[{}]`."""
    return entries in ([], [{}])


def after_update(kind: Kind, old: Object | None, new: Object, owners: Owners, writer: Writer) -> Owners:
    """The owners after `new` replaced `old` (None: it was created).

    The writer owns what it changed, and those who owned that do no longer. An object whose owners
    were forgotten stays without until somebody applies to it.
    """
    if old is not None and not owners:
        return []
    if "status" in kind.subresources and writer.subresource != "status":
        old, new = without_status(kind, old or {}), without_status(kind, new)
    changed, removed = _compared(kind, old or _empty(kind), new)
    return _with_writer(owners, writer.entry(kind, "Update", changed), changed, removed)


def _with_writer(owners: Owners, own: Entry, changed: FieldSet, removed: FieldSet) -> Owners:
    lost = union(changed, removed)
    result: Owners = []
    for entry in owners:
        if entry.identity == own.identity:
            own = replace(own, fields=ordered(union(own.fields, difference(entry.fields, removed))))
            if not changed:
                own = replace(own, time=entry.time)
        else:
            left = difference(entry.fields, lost)
            result.append(entry if left == entry.fields else replace(entry, fields=left))
    return [*result, own] if own.fields else result


@dataclass(frozen=True, slots=True)
class Applied:
    """The object that an apply makes, not yet defaulted, and the owners of its fields."""

    object: Object
    owners: Owners


def apply(kind: Kind, live: Object | None, config: Object, writer: Writer, *, force: bool) -> Applied:
    """Merges a configuration into the live object (None: there is none).

    Raises ApiError 409 when the configuration changes what others own, unless forced; KeyMissing
    when an item of a list map cannot be told from others.
    """
    owners = entries_of(live)
    if live is not None and not owners:
        owners = after_update(kind, None, live, [], replace(writer, manager=_BEFORE))
    before = _trimmed(live or {})
    stated = _owned(typed.stated(kind.schema, _trimmed(config)))
    own = writer.entry(kind, "Apply", stated)
    last: FieldSet = next((entry.fields for entry in owners if entry.identity == own.identity), {})
    others = [entry for entry in owners if entry.identity != own.identity]
    merged = typed.merge(kind.schema, before, _trimmed(config))
    if last:
        owned = stated
        for entry in others:
            owned = union(owned, entry.fields)
        gone = typed.abandoned(kind.schema, last, owned)
        if gone:
            merged = typed.without(kind.schema, merged, gone) or {}
    changed, removed = _compared(kind, before, merged)
    if not force:
        _refuse_conflicts(live, others, changed, writer)
    lost = union(changed, removed)
    if lost:
        others = [replace(entry, fields=difference(entry.fields, lost)) for entry in others]
    previous = next((entry for entry in owners if entry.identity == own.identity), None)
    if previous is not None and not lost and previous.fields == stated:
        own = replace(own, time=previous.time)
    return Applied(_restored(merged, live, config), [*others, own])


def _refuse_conflicts(live: Object | None, others: Owners, changed: FieldSet, writer: Writer) -> None:
    conflicts = [
        FieldConflict(entry.shown, path)
        for entry in sorted(others, key=lambda entry: entry.identity)
        for path in paths(intersection(entry.fields, changed))
    ]
    if conflicts and writer.manager == "kubectl":
        # What kubectl itself applied from the client side is not somebody else's.
        allowed = set(paths(_last_applied(live)))
        conflicts = [conflict for conflict in conflicts if conflict.path not in allowed]
    if conflicts:
        raise apply_conflict(conflicts)


def _last_applied(live: Object | None) -> FieldSet:
    annotation = ((live or {}).get("metadata", {}).get("annotations") or {}).get(LAST_APPLIED)
    try:
        return typed.stated(None, orjson.loads(annotation)) if annotation else {}
    except orjson.JSONDecodeError:
        return {}


def _compared(kind: Kind, old: Object, new: Object) -> tuple[FieldSet, FieldSet]:
    changed: FieldSet = {}
    removed: FieldSet = {}
    typed.compare(kind.schema, _trimmed(old), _trimmed(new), changed, removed)
    return _owned(changed), removed


def _trimmed(obj: Object) -> Object:
    """The part of an object that can have owners."""
    trimmed = {field: value for field, value in obj.items() if field not in ("apiVersion", "kind")}
    metadata = {field: value for field, value in (obj.get("metadata") or {}).items() if field not in _UNOWNED}
    trimmed["metadata"] = metadata
    return trimmed


def _owned(fields: FieldSet) -> FieldSet:
    """Without `metadata` itself, which nobody owns."""
    below = fields.get("f:metadata")
    if below is None:
        return fields
    rest = {element: node for element, node in below.items() if element != "."}
    if rest:
        return {**fields, "f:metadata": rest}
    return {element: node for element, node in fields.items() if element != "f:metadata"}


def _restored(merged: Object, live: Object | None, config: Object) -> Object:
    """The merged object with the fields that have no owner: those of the live one, else as configured."""
    source = live if live is not None else config
    unowned = {field: value for field, value in source["metadata"].items() if field in _UNOWNED}
    head = {"apiVersion": config["apiVersion"], "kind": config["kind"]}
    return {**head, **merged, "metadata": {**unowned, **(merged.get("metadata") or {})}}


def _empty(kind: Kind) -> Object:
    """What a new object of this kind is compared with."""
    if kind.crd:
        return {}
    names = kind.schema.properties
    empty: Object = {field: {} for field in ("spec", "status") if field in names}
    if kind.resource in _WRITTEN_ALWAYS:
        empty["spec"] = _WRITTEN_ALWAYS[kind.resource]
    return empty


def managed(obj: Object, owners: Owners) -> Object:
    """The object with its owners written into its metadata."""
    metadata = {field: value for field, value in obj["metadata"].items() if field != "managedFields"}
    entries = written(owners)
    if entries:
        metadata["managedFields"] = entries
    return {**obj, "metadata": metadata}


def without_new_times(new: Object, old: Object) -> Object:
    """`old` itself where nothing but the times of its owners would change
    (k8s.io/apiserver/pkg/endpoints/handlers/fieldmanager/equality.go)."""
    return old if _timeless(new) == _timeless(old) else new


def _timeless(obj: Object) -> Object:
    entries = [{**entry, "time": ""} for entry in obj["metadata"].get("managedFields") or ()]
    return {**obj, "metadata": {**obj["metadata"], "managedFields": entries}}
