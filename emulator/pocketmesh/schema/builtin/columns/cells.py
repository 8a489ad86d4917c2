"""What the cells of printer columns are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from pocketmesh.objects import Object
from pocketmesh.schema import ages
from pocketmesh.schema.kind import Column

NONE: Final = "<none>"
UNSET: Final = "<unset>"


def at(obj: Object, path: str, otherwise: Any = "") -> Any:
    """The value at a dotted path of field names, or `otherwise` where there is none."""
    value: Any = obj
    for field in path.split("."):
        value = value.get(field)
        if value is None:
            return otherwise
    return value


def text(name: str, cell: Callable[[Object], object], *, wide: bool = False) -> Column:
    """A column of strings; `wide` ones show with `-o wide` only."""
    return Column(name, "string", "", "", int(wide), lambda obj, _now: cell(obj))


def number(name: str, path: str) -> Column:
    """A column of whole numbers, 0 where there is none."""
    return Column(name, "integer", "", "", 0, lambda obj, _now: at(obj, path, 0))


def flag(name: str, path: str, otherwise: bool = False) -> Column:
    """A column of booleans."""
    return Column(name, "boolean", "", "", 0, lambda obj, _now: at(obj, path, otherwise))


def timed(name: str, cell: Callable[[Object, datetime], object], *, wide: bool = False) -> Column:
    """A column whose cells depend on what time it is."""
    return Column(name, "string", "", "", int(wide), cell)


def names(items: Iterable[Object], field: str = "name") -> str:
    """One field of each item, with commas."""
    return ",".join(str(item.get(field, "")) for item in items)


def few(items: list[str], limit: int = 3) -> str:
    """The first items, and how many more there are."""
    shown = ",".join(items[:limit])
    return f"{shown} + {len(items) - limit} more..." if len(items) > limit else shown or UNSET


def labels(pairs: Mapping[str, str] | None) -> str:
    """`a=b,c=d`."""
    return ",".join(f"{key}={value}" for key, value in sorted((pairs or {}).items())) or NONE


def selector(obj: Object | None) -> str:
    """A label selector as kubectl writes it: `app=web,tier in (a,b)`."""
    if obj is None:
        return NONE
    terms = [(key, f"{key}={value}") for key, value in obj.get("matchLabels", {}).items()]
    terms += [(entry["key"], _expression(entry)) for entry in obj.get("matchExpressions", ())]
    return ",".join(term for _, term in sorted(terms)) or NONE


def _expression(entry: Object) -> str:
    key, values = entry["key"], ",".join(sorted(entry.get("values", ())))
    match entry.get("operator"):
        case "Exists":
            return str(key)
        case "DoesNotExist":
            return f"!{key}"
        case "NotIn":
            return f"{key} notin ({values})"
    return f"{key} in ({values})"


NAME: Final = Column("Name", "string", "name", "", 0, lambda obj, _now: at(obj, "metadata.name"))
AGE: Final = timed("Age", lambda obj, now: ages.since(at(obj, "metadata.creationTimestamp"), now))
CREATED: Final = Column(
    "Created At", "date", "", "", 0, lambda obj, _now: at(obj, "metadata.creationTimestamp", None)
)
