"""What is wrong with a field, in Kubernetes' words (upstream: apimachinery `pkg/util/validation/field`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson

_OMITTED: Final = object()


@dataclass(frozen=True, slots=True)
class FieldError:
    """One cause of a 422 answer: `reason` and `detail` are the cause's, `field` is a path in the object."""

    reason: str
    field: str
    detail: str

    def __str__(self) -> str:
        return f"{self.field}: {self.detail}"


class Undecodable(Exception):
    """The body cannot be read as its kind at all: a string where a number belongs. Answered with 400."""


def required(field: str, detail: str = "") -> FieldError:
    """A value is missing."""
    return FieldError("FieldValueRequired", field, _line("Required value", detail))


def invalid(field: str, value: Any, detail: str) -> FieldError:
    """A value is not acceptable."""
    return FieldError("FieldValueInvalid", field, _line("Invalid value", detail, value))


def invalid_whole(field: str, detail: str) -> FieldError:
    """An object or list is not acceptable; it is too large to be shown."""
    return FieldError("FieldValueInvalid", field, _line("Invalid value", detail))


def wrong_type(field: str, value: Any, detail: str) -> FieldError:
    """A value of a custom resource has another type than its schema says."""
    return FieldError("FieldValueTypeInvalid", field, _line("Invalid value", detail, value))


def duplicate(field: str, value: Any) -> FieldError:
    """A value that must be unique comes twice."""
    return FieldError("FieldValueDuplicate", field, _line("Duplicate value", "", value))


def not_found(field: str, value: Any) -> FieldError:
    """A value names something that is not there."""
    return FieldError("FieldValueNotFound", field, _line("Not found", "", value))


def unsupported(field: str, value: Any, supported: Iterable[str]) -> FieldError:
    """A value is none of those that are allowed."""
    values = ", ".join(quoted(choice) for choice in supported)
    detail = f"supported values: {values}" if values else ""
    return FieldError("FieldValueNotSupported", field, _line("Unsupported value", detail, value))


def forbidden(field: str, detail: str) -> FieldError:
    """A field may not be set, or not be changed, here."""
    return FieldError("FieldValueForbidden", field, _line("Forbidden", detail))


def too_long(field: str, limit: int) -> FieldError:
    """A string is longer than allowed."""
    unit = "byte" if limit == 1 else "bytes"
    return FieldError("FieldValueTooLong", field, _line("Too long", f"may not be more than {limit} {unit}"))


def too_many(field: str, actual: int, limit: int) -> FieldError:
    """A list or map has more items than allowed."""
    items = "item" if limit == 1 else "items"
    return FieldError(
        "FieldValueTooMany", field, _line("Too many", f"must have at most {limit} {items}", actual)
    )


def quoted(text: str) -> str:
    """A string as Go's %q prints it."""
    return orjson.dumps(text).decode()


def shown(value: Any) -> str:
    """A value as Go prints it in an error: strings quoted, objects as JSON with sorted keys."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _line(title: str, detail: str, value: Any = _OMITTED) -> str:
    parts = [title] if value is _OMITTED else [title, shown(value)]
    return ": ".join([*parts, detail] if detail else parts)
