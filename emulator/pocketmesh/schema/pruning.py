"""Dropping the fields of a custom resource that its schema does not know.

Upstream: apiextensions `pkg/apiserver/schema/pruning`. Metadata is left alone: it is not the
author's to describe.
"""

from __future__ import annotations

from typing import Any

from pocketmesh.objects import Object
from pocketmesh.schema.paths import Path, render
from pocketmesh.schema.structural import Schema

_TYPE_AND_METADATA = frozenset({"apiVersion", "kind", "metadata"})


def prune(schema: Schema, obj: Object) -> tuple[Object, list[str]]:
    """What is left of a whole object, and the paths of the fields that went, sorted."""
    unknown: list[str] = []
    return _fields(schema, obj, None, True, unknown), sorted(unknown)


def unknown_fields(schema: Schema, value: Any) -> list[str]:
    """The paths in a part of an object that `schema`, the part's own, does not know."""
    unknown: list[str] = []
    _prune(schema, value, None, unknown)
    return unknown


def _prune(schema: Schema, value: Any, at: Path, unknown: list[str]) -> Any:
    if isinstance(value, dict):
        return _fields(schema, value, at, schema.embedded_resource, unknown)
    if isinstance(value, list) and schema.items is not None:
        items = schema.items
        return [_prune(items, entry, (at, index), unknown) for index, entry in enumerate(value)]
    return value


def _fields(schema: Schema, value: Object, at: Path, resource: bool, unknown: list[str]) -> Object:
    left = {}
    fields, values = schema.properties, schema.additional
    for name, entry in value.items():
        if resource and name in _TYPE_AND_METADATA:
            left[name] = entry
            continue
        field = fields.get(name, values)
        if field is not None:
            left[name] = _prune(field, entry, (at, name), unknown)
        elif schema.preserve_unknown:
            left[name] = entry
        else:
            unknown.append(render((at, name)))
    return left
