"""Kubernetes' list library and cel-go's sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

from pocketmesh.schema.cel.errors import NO_SUCH_OVERLOAD, EvaluationError


def _index_of(within: Any, wanted: Any, start: int = 0) -> int:
    """Of a text in a text, or of an element in a list; -1 when it is not there."""
    if isinstance(within, str):
        return within.find(wanted, start)
    return next((index for index, element in enumerate(within) if _same(element, wanted)), -1)


def _last_index_of(within: Any, wanted: Any, start: int | None = None) -> int:
    if isinstance(within, str):
        return within.rfind(wanted) if start is None else within.rfind(wanted, 0, start + len(wanted))
    return next((index for index in reversed(range(len(within))) if _same(within[index], wanted)), -1)


def _is_sorted(elements: Sequence[Any]) -> bool:
    return all(not _less(after, before) for before, after in pairwise(elements))


def _sum(elements: Sequence[Any]) -> Any:
    if not elements:
        return 0
    zero = timedelta() if isinstance(elements[0], timedelta) else 0
    return sum(elements, start=zero)


def _min(*elements: Any) -> Any:
    return _extreme("min", elements, lambda best, value: _less(value, best))


def _max(*elements: Any) -> Any:
    return _extreme("max", elements, _less)


def _extreme(name: str, elements: Sequence[Any], better: Callable[[Any, Any], bool]) -> Any:
    values = elements[0] if len(elements) == 1 and isinstance(elements[0], list) else elements
    if not values:
        raise EvaluationError(f"{name} called on empty list")
    best = values[0]
    for value in values[1:]:
        if better(best, value):
            best = value
    return best


def _contains(whole: Sequence[Any], part: Sequence[Any]) -> bool:
    return all(any(_same(wanted, element) for element in whole) for wanted in part)


def _intersects(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return any(_same(left, right) for left in one for right in other)


def _same(left: Any, right: Any) -> bool:
    """Equality that, unlike Python's, tells true from 1."""
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _less(left: Any, right: Any) -> bool:
    try:
        return bool(left < right)
    except TypeError:
        raise EvaluationError(NO_SUCH_OVERLOAD) from None


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "indexOf": _index_of,
    "isSorted": _is_sorted,
    "lastIndexOf": _last_index_of,
    "max": _max,
    "min": _min,
    "sets.contains": _contains,
    "sets.equivalent": lambda one, other: _contains(one, other) and _contains(other, one),
    "sets.intersects": _intersects,
    "sum": _sum,
}
