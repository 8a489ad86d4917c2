"""What a terminating namespace says of its emptying.

Pure. Types, reasons and messages are those of pkg/controller/namespace/deletion/status_condition_utils.go;
of its five conditions the two about discovery are always well here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pocketmesh.controllers.conditions import with_condition
from pocketmesh.objects import Object

_WELL: Final = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    ("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
)


def terminating(
    before: Iterable[Object], remaining: Mapping[str, Sequence[Object]], now: str
) -> list[Object]:
    """The conditions, given what is still there by resource."""
    found = list(before)
    left = {resource: objects for resource, objects in remaining.items() if objects}
    told = {"NamespaceContentRemaining": _content(left), "NamespaceFinalizersRemaining": _finalizers(left)}
    for kind, reason, message in _WELL:
        said: Object = {"type": kind, "status": "False", "reason": reason, "message": message}
        found = with_condition(found, {**said, **told.get(kind, {})}, now)
    return found


def _content(left: Mapping[str, Sequence[Object]]) -> Object:
    if not left:
        return {}
    named = (resource if "." in resource else f"{resource}." for resource in left)
    counted = [
        f"{name} has {len(each)} resource instances" for name, each in zip(named, left.values(), strict=True)
    ]
    message = f"Some resources are remaining: {', '.join(sorted(counted))}"
    return {"status": "True", "reason": "SomeResourcesRemain", "message": message}


def _finalizers(left: Mapping[str, Sequence[Object]]) -> Object:
    held = Counter(
        finalizer
        for objects in left.values()
        for obj in objects
        for finalizer in obj["metadata"].get("finalizers") or []
    )
    if not held:
        return {}
    counted = ", ".join(sorted(f"{name} in {count} resource instances" for name, count in held.items()))
    message = f"Some content in the namespace has finalizers remaining: {counted}"
    return {"status": "True", "reason": "SomeFinalizersRemain", "message": message}
