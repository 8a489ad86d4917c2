"""An object seen through its schema: which of its fields are owned one by one, and which as a whole.

Structs and maps are granular unless `x-kubernetes-map-type: atomic`; lists are atomic unless their
type is `map` (items are known by keys) or `set`. Fields without a schema are maps all the way down,
as in a custom resource that preserves unknown fields.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import orjson

from pocketmesh.api.ownership.fieldset import SELF, FieldSet, belongs
from pocketmesh.schema.structural import Schema

Node: TypeAlias = Schema | None

# The only key of a built-in list map that may be left out; the OpenAPI definitions carry no defaults.
_DEFAULT_KEYS: Final = {"protocol": "TCP"}


class KeyMissing(Exception):
    """An item of a list map lacks a key; carries the list's key name."""


def elements(schema: Node, value: Any) -> dict[str, tuple[Node, Any]] | None:
    """The parts of a value that are owned separately, by path element; None when it is owned whole.

    Raises KeyMissing.
    """
    if isinstance(value, dict):
        if schema is None:
            return {f"f:{name}": (None, item) for name, item in value.items()}
        if schema.map_type == "atomic":
            return None
        field = schema.field
        return {f"f:{name}": (field(name), item) for name, item in value.items()}
    if isinstance(value, list) and schema is not None:
        if schema.list_type == "map":
            items = schema.items
            return {element(schema, item): (items, item) for item in value}
        if schema.list_type == "set":
            return {f"v:{orjson.dumps(item).decode()}": (schema.items, item) for item in value}
    return None


def element(schema: Schema, item: Any) -> str:
    """The path element of an item of a list map. Raises KeyMissing."""
    keys: dict[str, Any] = {}
    for key in sorted(schema.list_map_keys):
        value = item.get(key) if isinstance(item, dict) else None
        if value is None:
            value = _default_key(schema, key)
        if value is None:
            raise KeyMissing(key)
        keys[key] = value
    return f"k:{orjson.dumps(keys).decode()}"


def _default_key(schema: Schema, key: str) -> Any:
    declared = schema.items.field(key) if schema.items else None
    if declared is not None and declared.default is not None:
        return declared.default
    return _DEFAULT_KEYS.get(key)


def named(schema: Node, path_element: str) -> bool:
    """Whether the element is a field that the schema names: then it is owned with what is below it."""
    return schema is not None and path_element[:2] == "f:" and path_element[2:] in schema.properties


def stated(schema: Node, value: Any) -> FieldSet:
    """The fields that an applied configuration states (`TypedValue.ToFieldSet`)."""
    found: FieldSet = {}
    for name, (child, item) in (elements(schema, value) or {}).items():
        below = stated(child, item) if isinstance(item, dict | list) else {}
        own = item is None or item == {} or not named(schema, name)
        if below:
            found[name] = {SELF: {}, **below} if own else below
        elif own or not isinstance(item, dict | list) or elements(child, item) is None:
            found[name] = {}
    return found


def present(schema: Node, value: Any) -> FieldSet:
    """The fields of a value that was not there before: all of them, the containers too."""
    parts = elements(schema, value) if isinstance(value, dict | list) else None
    if not parts:
        return {}
    found: FieldSet = {SELF: {}}
    for name, (child, item) in parts.items():
        found[name] = present(child, item) if isinstance(item, dict | list) else {}
    return found


def compare(schema: Node, old: Any, new: Any, changed: FieldSet, removed: FieldSet) -> None:
    """Adds to `changed` the fields that are new or different, to `removed` those that are gone."""
    before = elements(schema, old) or {}
    after = elements(schema, new) or {}
    for name, (child, item) in after.items():
        if name not in before:
            changed[name] = present(child, item) if isinstance(item, dict | list) else {}
            continue
        was = before[name][1]
        if was is item or was == item:
            continue
        if _comparable(child, was, item):
            changed_below: FieldSet = {}
            removed_below: FieldSet = {}
            compare(child, was, item, changed_below, removed_below)
            if changed_below:
                changed[name] = changed_below
            if removed_below:
                removed[name] = removed_below
        else:
            changed[name] = present(child, item) if isinstance(item, dict | list) else {}
    for name, (child, item) in before.items():
        if name not in after:
            removed[name] = present(child, item) if isinstance(item, dict | list) else {}


def _comparable(schema: Node, old: Any, new: Any) -> bool:
    """Whether to look at the parts; two empty containers differ as a whole or not at all."""
    return type(old) is type(new) and bool(old or new) and elements(schema, old or new) is not None


def merge(schema: Node, live: Any, config: Any) -> Any:
    """The live value with what the configuration states; it wins wherever both say something."""
    stated_parts = elements(schema, config)
    live_parts = elements(schema, live) if type(live) is type(config) else None
    if stated_parts is None or live_parts is None:
        return config
    if isinstance(config, dict):
        result = dict(live)
        for name, item in config.items():
            child = schema.field(name) if schema else None
            mergeable = isinstance(item, dict | list) and name in live
            result[name] = merge(child, live[name], item) if mergeable else item
        return result
    merged = {
        name: merge(child, live_parts[name][1], item) if name in live_parts else item
        for name, (child, item) in stated_parts.items()
    }
    return [
        merged[name] if name in merged else live_parts[name][1] for name in _order(live_parts, stated_parts)
    ]


def _order(live: dict[str, Any], config: dict[str, Any]) -> list[str]:
    """Items only the server has keep their place; the others come in the configuration's order."""
    result: list[str] = []
    pending = list(config)
    for name in live:
        if name not in config:
            result.append(name)
            continue
        while pending and name in pending:
            first = pending.pop(0)
            result.append(first)
            if first == name:
                break
    return [*result, *pending]


def without(schema: Node, value: Any, gone: FieldSet) -> Any:
    """The value without the fields of a set; a container that loses its last part goes too (None)."""
    parts = elements(schema, value)
    if parts is None:
        return value
    kept: dict[str, Any] = {}
    for name, (child, item) in parts.items():
        below = gone.get(name)
        if below is None:
            kept[name] = item
        elif not belongs(below):
            rest = without(child, item, below)
            if rest is not None:
                kept[name] = rest
    if not kept:
        return None
    if isinstance(value, dict):
        return {name[2:]: item for name, item in kept.items()}
    return list(kept.values())


def abandoned(schema: Node, last: FieldSet, kept: FieldSet) -> FieldSet:
    """The fields that an applier stated last time and that nobody owns now.

    A struct field goes with all that is below it once nobody owns anything in it; a list item does
    once nobody owns the item itself (`Updater.prune`).
    """
    found: FieldSet = {}
    for name, below in last.items():
        if name == SELF:
            continue
        owned = kept.get(name)
        if owned is None:
            lost = belongs(below) or named(schema, name)
        else:
            lost = belongs(below) and not belongs(owned) and not named(schema, name)
        if lost:
            found[name] = {}
        else:
            children = abandoned(_child(schema, name), below, owned or {})
            if children:
                found[name] = children
    return found


def _child(schema: Node, name: str) -> Node:
    if schema is None:
        return None
    return schema.field(name[2:]) if name[:2] == "f:" else schema.items
