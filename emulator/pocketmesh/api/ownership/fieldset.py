"""Sets of field paths, kept in the form of `fieldsV1` so that nothing has to be translated.

A set is a tree of dicts. The keys are path elements: `f:NAME` a field, `k:{…}` a list item by its
keys, `v:VALUE` an item of a set. An element belongs to the set when its subtree is empty or holds
`"."`; without `"."` only what is below belongs. The empty tree is the empty set.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import orjson

FieldSet: TypeAlias = dict[str, Any]

SELF: Final = "."


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """What belongs to either."""
    result = dict(left)
    for element, below in right.items():
        mine = result.get(element)
        result[element] = below if mine is None else _union_below(mine, below)
    return result


def _union_below(left: FieldSet, right: FieldSet) -> FieldSet:
    if not left:
        return right if not right or SELF in right else {SELF: {}, **right}
    if not right:
        return left if SELF in left else {SELF: {}, **left}
    return union(left, right)


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """What belongs to the left and not to the right."""
    result: FieldSet = {}
    for element, below in left.items():
        if element == SELF:
            continue
        other = right.get(element)
        if other is None:
            result[element] = below
            continue
        children = difference(below, other) if below else {}
        if belongs(below) and not belongs(other):
            result[element] = {SELF: {}, **children} if children else {}
        elif children:
            result[element] = children
    return result


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """What belongs to both."""
    result: FieldSet = {}
    for element, below in left.items():
        other = right.get(element)
        if other is None or element == SELF:
            continue
        children = intersection(below, other) if below and other else {}
        if belongs(below) and belongs(other):
            result[element] = {SELF: {}, **children} if children else {}
        elif children:
            result[element] = children
    return result


def ordered(fields: FieldSet) -> FieldSet:
    """The set as upstream writes it: one form, however it came about."""
    return {element: ordered(fields[element]) if fields[element] else {} for element in sorted(fields)}


def belongs(below: FieldSet) -> bool:
    """Whether an element with this subtree is itself in the set."""
    return not below or SELF in below


def paths(fields: FieldSet, prefix: str = "") -> Iterator[str]:
    """The paths of a set as error messages write them: `.spec.ports[port=80,protocol="TCP"].name`."""
    for element in sorted(fields):
        if element == SELF:
            continue
        below = fields[element]
        path = prefix + _shown(element)
        if belongs(below):
            yield path
        yield from paths(below, path)


def _shown(element: str) -> str:
    kind, _, rest = element.partition(":")
    match kind:
        case "f":
            return f".{rest}"
        case "k":
            keys = orjson.loads(rest)
            return "[" + ",".join(f"{key}={_value(keys[key])}" for key in sorted(keys)) + "]"
        case "v":
            return f"[={_value(orjson.loads(rest))}]"
    return f"[{rest}]"


def _value(value: Any) -> str:
    return orjson.dumps(value).decode()
