"""What every object's metadata must obey.

Upstream: apimachinery `pkg/api/validation/objectmeta.go`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pocketmesh.objects import Object
from pocketmesh.schema import errors, names
from pocketmesh.schema.errors import FieldError

ANNOTATIONS_LIMIT: Final = 256 * 1024

NameRule = Callable[[str], list[str]]


def check(metadata: Object, rule: NameRule, old: Object | None) -> list[FieldError]:
    """What is wrong with an object's metadata; its name is judged when it is created only."""
    found: list[FieldError] = []
    if old is None:
        _name(metadata, rule, found)
    before = old or {}
    if metadata.get("labels") != before.get("labels"):
        found += labels(metadata.get("labels", {}), "metadata.labels")
    if metadata.get("annotations") != before.get("annotations"):
        _annotations(metadata.get("annotations", {}), found)
    _owners(metadata.get("ownerReferences", []), found)
    for finalizer in metadata.get("finalizers", ()):
        found += [
            errors.invalid("metadata.finalizers", finalizer, complaint)
            for complaint in names.label_key(finalizer)
        ]
    if old is not None and "deletionTimestamp" in old:
        _no_new_finalizers(metadata, old, found)
    return found


def labels(pairs: dict[str, str], field: str) -> list[FieldError]:
    """What is wrong with labels, or with a selector made of them."""
    found = []
    for key, value in pairs.items():
        found += [errors.invalid(field, key, complaint) for complaint in names.label_key(key)]
        found += [errors.invalid(field, value, complaint) for complaint in names.label_value(value)]
    return found


def _name(metadata: Object, rule: NameRule, found: list[FieldError]) -> None:
    name, prefix = metadata.get("name"), metadata.get("generateName")
    if prefix:
        # Something will be appended: a dash at the end is fine.
        masked = f"{prefix[:-1]}a" if len(prefix) > 1 and prefix.endswith("-") else prefix
        found += [errors.invalid("metadata.generateName", prefix, complaint) for complaint in rule(masked)]
    if name:
        found += [errors.invalid("metadata.name", name, complaint) for complaint in rule(name)]
    elif not prefix:
        found.append(errors.required("metadata.name", "name or generateName is required"))


def _annotations(annotations: dict[str, str], found: list[FieldError]) -> None:
    field, size = "metadata.annotations", 0
    for key, value in annotations.items():
        found += [errors.invalid(field, key, complaint) for complaint in names.label_key(key.lower())]
        size += len(key.encode()) + len(value.encode())
    if size > ANNOTATIONS_LIMIT:
        found.append(errors.too_long(field, ANNOTATIONS_LIMIT))


def _owners(references: list[Object], found: list[FieldError]) -> None:
    field, controller = "metadata.ownerReferences", ""
    for reference in references:
        if not reference.get("apiVersion"):
            found.append(errors.invalid(f"{field}.apiVersion", "", "version must not be empty"))
        for part in ("kind", "name", "uid"):
            if not reference.get(part):
                found.append(errors.invalid(f"{field}.{part}", "", "must not be empty"))
        if reference.get("controller"):
            this = f"{reference.get('kind')}/{reference.get('name')}"
            if controller:
                both = f'Found "true" in references for {controller} and {this}'
                rule = f"Only one reference can have Controller set to true. {both}"
                found.append(errors.invalid(field, references, rule))
            controller = controller or this


def _no_new_finalizers(metadata: Object, old: Object, found: list[FieldError]) -> None:
    added = sorted({*metadata.get("finalizers", ())} - {*old.get("finalizers", ())})
    if added:
        listed = ", ".join(errors.quoted(finalizer) for finalizer in added)
        found.append(
            errors.forbidden(
                "metadata.finalizers",
                "no new finalizers can be added if the object is being deleted, "
                f"found new finalizers []string{{{listed}}}",
            )
        )
