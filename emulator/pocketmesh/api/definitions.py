"""CustomResourceDefinitions: the status they get and the instances that die with them.

Upstream this takes four controllers of k8s.io/apiextensions-apiserver and some seconds; here a
definition is established by the write that creates it, so nobody has to wait before using it.
"""

from __future__ import annotations

from typing import Final

from pocketmesh.objects import Object

RESOURCE: Final = "customresourcedefinitions.apiextensions.k8s.io"
CLEANUP: Final = "customresourcecleanup.apiextensions.k8s.io"


def established(crd: Object, now: str) -> Object:
    """The definition with accepted names, stored versions and its conditions."""
    spec = crd.get("spec") or {}
    before = crd.get("status") or {}
    names = spec.get("names") or {}
    stored = [version["name"] for version in spec.get("versions") or [] if version.get("storage")]
    kept = [name for name in before.get("storedVersions") or [] if name not in stored]
    conditions = [
        _condition("NamesAccepted", "NoConflicts", "no conflicts found", now),
        _condition("Established", "InitialNamesAccepted", "the initial names have been accepted", now),
    ]
    was = {condition["type"]: condition for condition in before.get("conditions") or []}
    status = {
        **before,
        "acceptedNames": _accepted(names),
        "conditions": [was.get(condition["type"], condition) for condition in conditions],
        "storedVersions": [*kept, *stored],
    }
    return {**crd, "status": status}


def held(crd: Object, instances: bool) -> Object:
    """The definition with, or without, the finalizer that keeps it while instances are left."""
    finalizers = [name for name in crd["metadata"].get("finalizers") or [] if name != CLEANUP]
    if instances:
        finalizers.append(CLEANUP)
    metadata = {field: value for field, value in crd["metadata"].items() if field != "finalizers"}
    if finalizers:
        metadata["finalizers"] = finalizers
    return {**crd, "metadata": metadata}


def selectable_fields(crd: Object, version: str) -> tuple[str, ...]:
    """The field paths that instances can be selected by."""
    versions = crd["spec"]["versions"]
    declared = [entry.get("selectableFields") or [] for entry in versions if entry["name"] == version]
    return tuple(field["jsonPath"].removeprefix(".") for fields in declared for field in fields)


def _accepted(names: Object) -> Object:
    accepted = {**names}
    kind = accepted.get("kind", "")
    accepted.setdefault("listKind", f"{kind}List")
    accepted.setdefault("singular", kind.lower())
    return accepted


def _condition(kind: str, reason: str, message: str, now: str) -> Object:
    return {"lastTransitionTime": now, "message": message, "reason": reason, "status": "True", "type": kind}
