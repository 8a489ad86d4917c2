"""CustomResourceDefinitions: the status they get and the instances that die with them.

Upstream this takes four controllers of k8s.io/apiextensions-apiserver and some seconds; here a
definition is established by the write that creates it, so nobody has to wait before using it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pocketmesh.objects import Object, condition, is_true

RESOURCE: Final = "customresourcedefinitions.apiextensions.k8s.io"
CLEANUP: Final = "customresourcecleanup.apiextensions.k8s.io"
_OURS: Final = ("NamesAccepted", "Established")


def established(crd: Object, others: Iterable[Object], now: str) -> Object:
    """The definition with accepted names, stored versions and its conditions.

    Names that one of the `others` has already are not accepted: a new definition is then not served, an old
    one keeps the names that it had (pkg/controller/status/naming_controller.go).
    """
    spec = crd.get("spec") or {}
    before = crd.get("status") or {}
    stored = [version["name"] for version in spec.get("versions") or [] if version.get("storage")]
    kept = [name for name in before.get("storedVersions") or [] if name not in stored]
    taken = [other for other in others if other["spec"]["group"] == spec.get("group")]
    was = {condition["type"]: condition for condition in before.get("conditions") or []}
    names, refused = _accepted(spec.get("names") or {}, before.get("acceptedNames") or {}, taken)
    accepted = refused or _condition("NamesAccepted", "True", "NoConflicts", "no conflicts found", now)
    conditions = [accepted, _establishment(was.get("Established"), refused is not None, now)]
    others_of_mine = [condition for kind, condition in was.items() if kind not in _OURS]
    status = {
        **before,
        "acceptedNames": names,
        "conditions": [_unchanged(was, condition, now) for condition in conditions] + others_of_mine,
        "storedVersions": [*kept, *stored],
    }
    return {**crd, "status": status}


def is_in_conflict(crd: Object) -> bool:
    """Whether a definition waits for names that others have."""
    return condition(crd, "NamesAccepted") is not None and not is_true(crd, "NamesAccepted")


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


def _accepted(wanted: Object, had: Object, others: list[Object]) -> tuple[Object, Object | None]:
    """The names as they stand now, and the condition that says which one was refused last."""
    found = {**had, **({"categories": wanted["categories"]} if "categories" in wanted else {})}
    taken = [(other.get("status") or {}).get("acceptedNames") or {} for other in others]
    resources = {names.get(part) for names in taken for part in ("plural", "singular")}
    resources |= {short for names in taken for short in names.get("shortNames") or ()}
    kinds = {names.get(part) for names in taken for part in ("kind", "listKind")}
    refused = None
    for part, used in (("plural", resources), ("singular", resources), ("shortNames", resources)):
        refused = _claim(found, wanted, part, used) or refused
    for part in ("kind", "listKind"):
        refused = _claim(found, wanted, part, kinds) or refused
    order = ("plural", "singular", "shortNames", "kind", "listKind", "categories")
    return {part: found[part] for part in order if part in found}, refused


def _claim(found: Object, wanted: Object, part: str, used: set[Any]) -> Object | None:
    asked = wanted.get(part)
    names = asked if isinstance(asked, list) else [asked]
    before = found.get(part)
    new = [name for name in names if name not in (before if isinstance(before, list) else [before])]
    problems = [f'"{name}" is already in use' for name in new if name in used and name is not None]
    if problems:
        message = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        return _condition("NamesAccepted", "False", f"{part[0].upper()}{part[1:]}Conflict", message, "")
    if asked is None:
        found.pop(part, None)
    else:
        found[part] = asked
    return None


def _establishment(before: Object | None, refused: bool, now: str) -> Object:
    if before is not None and before["status"] == "True":
        return before
    if refused:
        return _condition("Established", "False", "NotAccepted", "not all names are accepted", now)
    return _condition(
        "Established", "True", "InitialNamesAccepted", "the initial names have been accepted", now
    )


def _unchanged(was: dict[str, Object], now_is: Object, now: str) -> Object:
    """The condition, with the time when its status was another."""
    before = was.get(now_is["type"])
    since = before["lastTransitionTime"] if before and before["status"] == now_is["status"] else now
    return {**now_is, "lastTransitionTime": since}


def _condition(kind: str, status: str, reason: str, message: str, now: str) -> Object:
    return {"lastTransitionTime": now, "message": message, "reason": reason, "status": status, "type": kind}
