"""What a DELETE does to an object: nothing, a mark, or its end. Pure decisions on plain data.

Follows `rest.BeforeDelete` and `deletionFinalizersForGarbageCollection` of
k8s.io/apiserver/pkg/registry. The garbage collector acts on the finalizers that are set here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pocketmesh.api import errors
from pocketmesh.api.calls import DeleteOptions
from pocketmesh.clock import rfc3339
from pocketmesh.objects import Object
from pocketmesh.schema.kind import Kind

ORPHAN: Final = "orphan"
FOREGROUND: Final = "foregroundDeletion"
NAMESPACES: Final = "namespaces"
# A time that can be written with a year of four digits, however long somebody would wait.
_LONGEST_GRACE: Final = 2**31 - 1
_IMMORTAL: Final = frozenset({"default", "kube-system", "kube-public"})
# Kinds whose DELETE answers the object even when it is gone at once (`ReturnDeletedObject`).
_ANSWERED_WITH_OBJECT: Final = frozenset(
    {"pods", "podtemplates", "services", "serviceaccounts", "persistentvolumes", "persistentvolumeclaims"}
)


def check_allowed(kind: Kind, obj: Object, options: DeleteOptions) -> None:
    """Raises ApiError 403 for a namespace that must stay, 409 when a precondition fails."""
    metadata = obj["metadata"]
    name = metadata["name"]
    if kind.resource == NAMESPACES and name in _IMMORTAL:
        raise errors.forbidden(kind, name, "this namespace may not be deleted")
    if options.uid and options.uid != metadata["uid"]:
        raise errors.conflict(
            kind,
            name,
            f"the UID in the precondition ({options.uid}) does not match the UID in record "
            f"({metadata['uid']}). The object might have been deleted and then recreated",
        )
    if options.revision and options.revision != metadata["resourceVersion"]:
        raise errors.conflict(
            kind,
            name,
            f"the ResourceVersion in the precondition ({options.revision}) does not match the "
            f"ResourceVersion in record ({metadata['resourceVersion']}). The object might have been modified",
        )


def marked(kind: Kind, obj: Object, options: DeleteOptions, now: datetime) -> Object | None:
    """The object waiting for its end, or None when it can go now."""
    metadata = {**obj["metadata"]}
    finalizers = _finalizers(metadata.get("finalizers") or [], options.propagation)
    _set(metadata, "finalizers", finalizers)
    grace = _grace(kind, obj, options)
    if "deletionTimestamp" in metadata:
        grace = min(grace, metadata.get("deletionGracePeriodSeconds") or 0)
    if not finalizers and not grace and not _has_content(kind, obj):
        return None
    if "deletionTimestamp" not in metadata or grace < (metadata.get("deletionGracePeriodSeconds") or 0):
        metadata["deletionTimestamp"] = rfc3339(now + timedelta(seconds=grace))
        if "generation" in metadata and "deletionTimestamp" not in obj["metadata"]:
            metadata["generation"] += 1
    metadata["deletionGracePeriodSeconds"] = grace
    found = {**obj, "metadata": metadata}
    if kind.resource == NAMESPACES:
        metadata.pop("deletionGracePeriodSeconds")
        found["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
    return found


def is_over(kind: Kind, obj: Object) -> bool:
    """Whether nothing holds an object back any more that is marked for deletion."""
    metadata = obj["metadata"]
    return (
        "deletionTimestamp" in metadata
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
        and not _has_content(kind, obj)
    )


def answer(kind: Kind, obj: Object) -> Object:
    """What a client is told about an object that is gone now: the object itself, or a Status."""
    if kind.resource in _ANSWERED_WITH_OBJECT:
        return obj
    metadata = obj["metadata"]
    found = {**errors.details(kind, metadata["name"]), "uid": metadata["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": found}


def _finalizers(present: list[str], propagation: str) -> list[str]:
    if not propagation:
        return present
    kept = [name for name in present if name not in (ORPHAN, FOREGROUND)]
    added = {"Orphan": [ORPHAN], "Foreground": [FOREGROUND]}.get(propagation, [])
    return kept + added


def _grace(kind: Kind, obj: Object, options: DeleteOptions) -> int:
    """Seconds a pod gets to end; a pod that does not run (or never did) gets none."""
    if kind.resource != "pods":
        return 0
    spec, phase = obj.get("spec") or {}, (obj.get("status") or {}).get("phase")
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    grace = options.grace
    if grace is None:
        grace = spec.get("terminationGracePeriodSeconds")
    return 30 if grace is None else min(int(grace), _LONGEST_GRACE)


def _has_content(kind: Kind, obj: Object) -> bool:
    """A namespace lives until its controller has emptied it and removed `spec.finalizers`."""
    return kind.resource == NAMESPACES and bool((obj.get("spec") or {}).get("finalizers"))


def _set(metadata: Object, field: str, value: list[str]) -> None:
    if value:
        metadata[field] = value
    else:
        metadata.pop(field, None)
