"""Strategic merge patch: a merge patch that knows which lists merge, and by which key.

Directives: `$patch` (replace, delete, merge), `$deleteFromPrimitiveList/F`, `$setElementOrder/F`,
`$retainKeys`. Follows k8s.io/apimachinery/pkg/util/strategicpatch, whose order of merged lists is
observable: items that are new in the patch come before those only the server has.
"""

from __future__ import annotations

from typing import Any, Final

from pocketmesh.api.errors import bad_request
from pocketmesh.objects import Object
from pocketmesh.schema.structural import Schema

_DIRECTIVE: Final = "$patch"
_RETAIN: Final = "$retainKeys"
_DELETED: Final = "$deleteFromPrimitiveList/"
_ORDER: Final = "$setElementOrder/"


def merge(schema: Schema | None, target: Object, patch: Object) -> Object:
    """What the patch makes of the target; neither is changed. Raises ApiError 400 for a bad directive."""
    directive = patch.get(_DIRECTIVE)
    if directive == "replace":
        whole: Object = _plain(patch)
        return whole
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise bad_request(f"Unknown patch type: {directive} found in patch")
    for field, value in patch.items():
        if field.startswith((_DELETED, _ORDER, _RETAIN)) and not isinstance(value, list):
            raise bad_request(f"{field} must be a list")
    result = _retained(target, patch)
    for field, value in patch.items():
        if field.startswith(_DELETED):
            _drop(result, field.removeprefix(_DELETED), value)
    for field, value in patch.items():
        if not field.startswith("$"):
            _merge_field(schema, result, field, value)
    for field, order in patch.items():
        if field.startswith(_ORDER):
            name = field.removeprefix(_ORDER)
            if isinstance(result.get(name), list):
                before = target.get(name)
                known = before if isinstance(before, list) else []
                result[name] = _ordered(result[name], order, known, _key(schema, name))
    return result


def _merge_field(schema: Schema | None, result: Object, field: str, value: Any) -> None:
    child = schema.field(field) if schema else None
    if value is None:
        result.pop(field, None)
    elif isinstance(value, dict):
        before = result.get(field)
        whole = child is not None and "replace" in child.patch_strategy
        result[field] = merge(child, before if isinstance(before, dict) and not whole else {}, value)
    elif isinstance(value, list) and child is not None and "merge" in child.patch_strategy:
        before = result.get(field)
        result[field] = _merge_list(child, before if isinstance(before, list) else [], value)
    else:
        result[field] = _plain(value)


def _merge_list(schema: Schema, before: list[Any], patch: list[Any]) -> list[Any]:
    key = schema.patch_merge_key
    if not any(isinstance(item, dict) for item in (*before, *patch)):
        merged = list({_mark(item, ""): item for item in (*before, *patch)}.values())
        return _ordered(merged, patch, before, "")
    if not all(isinstance(item, dict) for item in (*before, *patch)):
        raise bad_request("unable to find api field in struct for the json field: lists of mixed kinds")
    items = [item for item in patch if item.get(_DIRECTIVE) not in ("delete", "replace")]
    if any(item.get(_DIRECTIVE) == "replace" for item in patch):
        replacing = (_plain(item) for item in patch if item.get(_DIRECTIVE) == "replace")
        return [*(item for item in replacing if item), *(_plain(item) for item in items)]
    deleted = [_identity(item, key) for item in patch if item.get(_DIRECTIVE) == "delete"]
    result = [item for item in before if _identity(item, key) not in deleted]
    places = {_identity(item, key): index for index, item in enumerate(result)}
    for item in items:
        place = places.get(_identity(item, key))
        if place is None:
            places[_identity(item, key)] = len(result)
            result.append(merge(schema.items, {}, item))
        else:
            result[place] = merge(schema.items, result[place], item)
    return _ordered(result, items, before, key)


def _ordered(merged: list[Any], wanted: list[Any], server: list[Any], key: str) -> list[Any]:
    """The items of `wanted` in its order, between the server's own items in theirs."""
    rank = {_mark(item, key): index for index, item in enumerate(wanted)}
    place = {_mark(item, key): index for index, item in enumerate(server)}
    named = sorted((item for item in merged if _mark(item, key) in rank), key=lambda i: rank[_mark(i, key)])
    own = [item for item in merged if _mark(item, key) not in rank]
    own.sort(key=lambda item: place.get(_mark(item, key), len(place)))
    result: list[Any] = []
    while own and named:
        left, right = place.get(_mark(own[0], key)), place.get(_mark(named[0], key))
        first = own if left is not None and right is not None and left < right else named
        result.append(first.pop(0))
    return [*result, *own, *named]


def _retained(target: Object, patch: Object) -> Object:
    retain = patch.get(_RETAIN)
    if retain is None:
        return dict(target)
    surplus = [
        field
        for field, value in patch.items()
        if not field.startswith("$") and value is not None and field not in retain
    ]
    if surplus:
        raise bad_request(f"{surplus[0]} is not in the retainKeys list")
    return {field: value for field, value in target.items() if field in retain}


def _drop(result: Object, field: str, values: Any) -> None:
    if isinstance(result.get(field), list):
        result[field] = [item for item in result[field] if item not in values]


def _key(schema: Schema | None, field: str) -> str:
    child = schema.field(field) if schema else None
    return child.patch_merge_key if child else ""


def _identity(item: Object, key: str) -> str:
    if key not in item:
        raise bad_request(f"map: {item} does not contain declared merge key: {key}")
    return repr(item[key])


def _mark(item: Any, key: str) -> str:
    """What an item is known by, as text because a client may send anything."""
    return repr(item.get(key) if isinstance(item, dict) else item)


def _plain(value: Any) -> Any:
    """A value that only the patch has, without directives and without the nulls that remove nothing."""
    if isinstance(value, dict):
        return {
            field: _plain(item)
            for field, item in value.items()
            if item is not None and not field.startswith("$")
        }
    if isinstance(value, list):
        return [
            _plain(item)
            for item in value
            if not (isinstance(item, dict) and item.get(_DIRECTIVE) == "delete")
        ]
    return value
