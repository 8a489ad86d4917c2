"""Lists whose elements must differ: sets, and maps by their keys.

Upstream: apiextensions `pkg/apiserver/schema/listtype`.
"""

from __future__ import annotations

from typing import Any

import orjson

from pocketmesh.schema import errors
from pocketmesh.schema.errors import FieldError
from pocketmesh.schema.paths import Path, render
from pocketmesh.schema.structural import Schema


def check(schema: Schema, value: Any, at: Path, found: list[FieldError]) -> None:
    """Adds to `found` each second occurrence in a list that must not have one."""
    if isinstance(value, list):
        if schema.list_type in ("set", "map") and len(value) > 1:
            _repeated(schema, value, at, found)
        if schema.items is not None:
            for index, entry in enumerate(value):
                check(schema.items, entry, (at, index), found)
    elif isinstance(value, dict):
        fields, values = schema.properties, schema.additional
        for name, entry in value.items():
            field = fields.get(name, values)
            if field is not None and isinstance(entry, list | dict):
                check(field, entry, (at, name), found)


def _repeated(schema: Schema, value: list[Any], at: Path, found: list[FieldError]) -> None:
    seen: dict[bytes, int] = {}
    for index, entry in enumerate(value):
        key = _key(schema, entry) if schema.list_type == "map" else entry
        text = orjson.dumps(key, option=orjson.OPT_SORT_KEYS)
        seen[text] = seen.get(text, 0) + 1
        if seen[text] == 2:
            found.append(errors.duplicate(render((at, index)), key))


def _key(schema: Schema, entry: Any) -> dict[str, Any]:
    fields = entry if isinstance(entry, dict) else {}
    return {name: fields[name] for name in schema.list_map_keys if name in fields}
