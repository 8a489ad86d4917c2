"""Where an object is not as it was described, field by field.

A description is left-scoped: what it does not mention may be anything, so whatever a server adds is left out.
Items of lists are found by what names them (a backend by its name, a parentRef by kind and name, a condition
by its type, a port by its number); items without a name are compared with the nearest. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any

from labcheck.checks.wording import shown

_NAMES = (("kind", "name"), ("name",), ("type",), ("key",), ("port",), ("containerPort",))
"""Fields that name an item of a list, the first ones that a description gives."""
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: where it is, what was described, what is there."""

    path: str
    expected: str
    observed: str

    def __str__(self) -> str:
        return f"{self.path}: {self.expected} expected, {self.observed} observed"


class Only(list[Any]):
    """A described list that may hold nothing else."""


def only(*items: Any) -> Only:
    """The items of a list that holds these and no others: `{"backendRefs": only({"name": "v1"})}`."""
    return Only(items)


def differences(described: Any, observed: Any, path: str = "", *, exact: bool = False) -> list[Difference]:
    """Where `observed` is not as described; nothing when it is.

    A described `None` means that the field is absent, and `...` that it has any value. With `exact`, what is
    not described must not be there either.
    """
    return list(_compare(described, observed, path, exact))


def _compare(described: Any, observed: Any, path: str, exact: bool) -> Iterator[Difference]:
    absent = observed is _ABSENT or observed is None
    match described:
        case None:
            if not absent:
                yield Difference(path, "absent", shown(observed))
        case EllipsisType():
            if absent:
                yield Difference(path, "present", "absent")
        case Mapping() if isinstance(observed, Mapping):
            for key, value in described.items():
                yield from _compare(value, observed.get(key, _ABSENT), _field(path, str(key)), exact)
            for key in observed if exact else ():
                if key not in described:
                    yield Difference(_field(path, str(key)), "absent", shown(observed[key]))
        case list() | tuple() if isinstance(observed, list):
            yield from _compare_lists(described, observed, path, exact)
        case _:
            if (
                absent
                or isinstance(observed, bool) is not isinstance(described, bool)
                or described != observed
            ):
                yield Difference(path, shown(described), "absent" if absent else shown(observed))


def _compare_lists(
    described: Sequence[Any], observed: Sequence[Any], path: str, exact: bool
) -> Iterator[Difference]:
    left = dict(enumerate(observed))
    for index, item in enumerate(described):
        if not isinstance(item, Mapping):
            place = next((at for at, there in left.items() if there == item), None)
            if place is None:
                yield Difference(path, f"with {shown(item)}", shown(observed))
            else:
                del left[place]
            continue
        name = _name(item)
        same = [
            at for at, there in left.items() if isinstance(there, Mapping) and name.items() <= there.items()
        ]
        if not same:
            there = [_label(item, name) for item in left.values()]
            label = _label(item, name) or str(index)
            found = ", ".join(filter(None, there)) or f"{len(observed)} items"
            yield Difference(
                f"{path}[{label}]", "present", f"absent; there: {found}" if observed else "absent"
            )
            continue
        nearest = max(same, key=lambda at: _agreement(item, left[at]))
        label = _label(item, name) or str(nearest)
        yield from _compare(item, left.pop(nearest), f"{path}[{label}]", exact)
    for at, extra in left.items() if exact or isinstance(described, Only) else ():
        label = _label(extra, _name(extra)) or str(at)
        yield Difference(f"{path}[{label}]", "absent", "present")


def _agreement(described: Any, observed: Any) -> int:
    """How many of the described values are as described."""
    match described:
        case Mapping() if isinstance(observed, Mapping):
            return sum(_agreement(value, observed.get(key)) for key, value in described.items())
        case list() | tuple() if isinstance(observed, list):
            return sum(max((_agreement(item, it) for it in observed), default=0) for item in described)
        case _:
            return int(observed is not None if described is ... else described == observed)


def _name(item: Any) -> dict[str, Any]:
    """The fields of an item that name it; none when it has no such fields."""
    if isinstance(item, Mapping):
        for fields in _NAMES:
            if all(isinstance(item.get(field), str | int) for field in fields):
                return {field: item[field] for field in fields}
    return {}


def _label(item: Any, name: Mapping[str, Any]) -> str:
    """What an item is called where its list is named by the fields of `name`."""
    if not isinstance(item, Mapping):
        return shown(item)
    return "/".join(str(item[field]) for field in name if field in item)


def _field(path: str, key: str) -> str:
    """`path` with a field added; a key with dots in it, as labels have, in brackets."""
    if "." in key or "/" in key:
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key
