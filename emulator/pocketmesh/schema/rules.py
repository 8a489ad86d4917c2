"""Asking the CEL rules of a schema about an object.

Upstream: apiextensions `pkg/apiserver/schema/cel/validation.go`. A value that has not changed is not
judged again.
"""

from __future__ import annotations

from typing import Any

from pocketmesh.schema import errors
from pocketmesh.schema.cel import Rule
from pocketmesh.schema.constraints import counterpart
from pocketmesh.schema.errors import FieldError
from pocketmesh.schema.paths import Path, render
from pocketmesh.schema.structural import Schema


def check(schema: Schema, value: Any, old: Any, at: Path, found: list[FieldError]) -> None:
    """Adds to `found` each rule that a value or something in it breaks."""
    if value is None or not schema.has_rules or (value == old and old is not None):
        return
    for rule in schema.rules:
        complaint = rule.evaluate(value, old)
        if complaint is not None:
            found.append(_error(rule, value, complaint, at))
    for constraint in schema.all_of:
        check(constraint, value, old, at, found)
    if isinstance(value, list) and schema.items is not None:
        for index, entry in enumerate(value):
            check(schema.items, entry, counterpart(schema, entry, old), (at, index), found)
    elif isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        for name, entry in value.items():
            field = schema.field(name)
            if field is not None:
                check(field, entry, before.get(name), (at, name), found)


def _error(rule: Rule, value: Any, complaint: str, at: Path) -> FieldError:
    field = render(at) + rule.field_path
    field = field.removeprefix(".") or "<nil>"
    match rule.reason:
        case "FieldValueForbidden":
            return errors.forbidden(field, complaint)
        case "FieldValueRequired":
            return errors.required(field, complaint)
        case "FieldValueDuplicate":
            return errors.duplicate(field, value)
    if isinstance(value, dict | list):
        return errors.invalid_whole(field, complaint)
    return errors.invalid(field, value, complaint)
