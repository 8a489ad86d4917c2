"""Filling in the defaults that a custom resource's schema declares.

Upstream: apiextensions `pkg/apiserver/schema/defaulting`. A null where null is not allowed gives way
to the default, and goes when there is none.
"""

from __future__ import annotations

from typing import Any

from pocketmesh.objects import Object
from pocketmesh.schema.structural import Schema


def default(schema: Schema, obj: Object) -> Object:
    """The object with every missing default in place; what needs none is shared, not copied."""
    defaulted: Object = _default(schema, obj)
    return defaulted


def _default(schema: Schema, value: Any) -> Any:
    if isinstance(value, dict):
        return _fields(schema, value)
    if isinstance(value, list) and schema.items is not None:
        items = schema.items
        return [_default(items, _present(items, entry)) for entry in value]
    return value


def _fields(schema: Schema, value: Object) -> Object:
    fields, values = schema.properties, schema.additional
    result = {}
    for name, entry in value.items():
        field = fields.get(name, values)
        if field is None:
            result[name] = entry
        elif entry is not None or field.nullable:
            result[name] = _default(field, entry)
        elif field.default is not None:
            result[name] = _default(field, field.default)
    for name, field in fields.items():
        if field.default is not None and name not in result:
            result[name] = _default(field, field.default)
    return result


def _present(schema: Schema, entry: Any) -> Any:
    return schema.default if entry is None and not schema.nullable else entry
