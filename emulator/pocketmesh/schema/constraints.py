"""What a schema node demands of a value: types, bounds, patterns and their combinations.

Upstream: kube-openapi `pkg/validation/validate`, whose messages these are, and apiextensions
`pkg/apiserver/validation`, which turns them into field errors.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from pocketmesh.schema import errors
from pocketmesh.schema.errors import FieldError, shown
from pocketmesh.schema.formats import fits
from pocketmesh.schema.paths import Path, render
from pocketmesh.schema.structural import Schema

# The combinations name no field (upstream renders a nil path).
_NOWHERE = "<nil>"


def check(schema: Schema, value: Any, old: Any, at: Path, found: list[FieldError]) -> None:
    """Adds to `found` what is wrong with a value and with everything in it.

    `old` is the value that it replaces: a part that has not changed is not judged again.
    """
    if value == old and old is not None:
        return
    kind = _type(value)
    wanted = _wanted(schema)
    if wanted and kind not in wanted and not (kind == "null" and schema.nullable):
        found.append(_wrong_type(schema, at, wanted, kind))
    if value is None:
        return
    _combinations(schema, value, at, found)
    if isinstance(value, str):
        _string(schema, value, at, found)
    elif isinstance(value, list):
        _array(schema, value, old, at, found)
    elif isinstance(value, dict):
        _object(schema, value, old, at, found)
    elif not isinstance(value, bool):
        _number(schema, value, at, found)
    if schema.enum and value not in schema.enum:
        choices = [choice if isinstance(choice, str) else shown(choice) for choice in schema.enum]
        found.append(errors.unsupported(render(at), value, choices))


def counterpart(schema: Schema, item: Any, old: Any) -> Any:
    """The element of an old list that an element of the new one replaces: by key, in lists of type map."""
    if schema.list_type != "map" or not isinstance(old, list) or not isinstance(item, dict):
        return None
    key = [item.get(name) for name in schema.list_map_keys]
    matching = (
        entry
        for entry in old
        if isinstance(entry, dict) and [entry.get(name) for name in schema.list_map_keys] == key
    )
    return next(matching, None)


def _type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case list():
            return "array"
    return "object"


def _wanted(schema: Schema) -> tuple[str, ...]:
    if schema.int_or_string:
        return ("integer", "string")
    return ("number", "integer") if schema.type == "number" else (schema.type,) if schema.type else ()


def _wrong_type(schema: Schema, at: Path, wanted: tuple[str, ...], kind: str) -> FieldError:
    field = render(at)
    types = "number" if schema.type == "number" else ",".join(wanted)
    return errors.wrong_type(field, kind, _body(field, f'must be of type {types}: "{kind}"'))


def _body(field: str, what: str) -> str:
    return f"{field} in body {what}"


def _string(schema: Schema, value: str, at: Path, found: list[FieldError]) -> None:
    field = render(at) if schema.max_length is not None or schema.min_length or schema.pattern else ""
    if schema.max_length is not None and len(value) > schema.max_length:
        found.append(errors.too_long(field, schema.max_length))
    elif schema.min_length is not None and len(value) < schema.min_length:
        least = f"should be at least {schema.min_length} chars long"
        found.append(errors.invalid(field, value, _body(field, least)))
    elif schema.pattern and not _pattern(schema.pattern).search(value):
        found.append(errors.invalid(field, value, _body(field, f"should match '{schema.pattern}'")))
    if schema.format and not fits(value, schema.format):
        field = render(at)
        reason = f"must be of type {schema.format}: {errors.quoted(value)}"
        found.append(errors.wrong_type(field, value, _body(field, reason)))


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    """Go's `$` is the end of the text, where Python's allows a newline after it."""
    return re.compile(re.sub(r"(?<!\\)\$(?=\)|\||$)", r"\\Z", pattern))


def _number(schema: Schema, value: float, at: Path, found: list[FieldError]) -> None:
    field = ""
    low, high, factor = schema.minimum, schema.maximum, schema.multiple_of
    if factor and value % factor:
        field = render(at)
        found.append(errors.invalid(field, value, _body(field, f"should be a multiple of {shown(factor)}")))
    if high is not None and (value > high or (schema.exclusive_maximum and value == high)):
        field = render(at)
        bound = "less than" if schema.exclusive_maximum else "less than or equal to"
        found.append(errors.invalid(field, value, _body(field, f"should be {bound} {shown(high)}")))
    if low is not None and (value < low or (schema.exclusive_minimum and value == low)):
        field = render(at)
        bound = "greater than" if schema.exclusive_minimum else "greater than or equal to"
        found.append(errors.invalid(field, value, _body(field, f"should be {bound} {shown(low)}")))


def _array(schema: Schema, value: list[Any], old: Any, at: Path, found: list[FieldError]) -> None:
    if schema.items is not None:
        for index, entry in enumerate(value):
            check(schema.items, entry, counterpart(schema, entry, old), (at, index), found)
    if schema.min_items is not None and len(value) < schema.min_items:
        field = render(at)
        least = f"should have at least {schema.min_items} items"
        found.append(errors.invalid(field, len(value), _body(field, least)))
    if schema.max_items is not None and len(value) > schema.max_items:
        found.append(errors.too_many(render(at), len(value), schema.max_items))
    if schema.unique_items and any(entry in value[:index] for index, entry in enumerate(value)):
        field = render(at)
        found.append(errors.invalid(field, "", _body(field, "shouldn't contain duplicates")))


def _object(schema: Schema, value: dict[str, Any], old: Any, at: Path, found: list[FieldError]) -> None:
    before = old if isinstance(old, dict) else {}
    if schema.min_properties is not None and len(value) < schema.min_properties:
        field = render(at)
        least = f"should have at least {schema.min_properties} properties"
        found.append(errors.invalid(field, len(value), _body(field, least)))
    if schema.max_properties is not None and len(value) > schema.max_properties:
        found.append(errors.too_many(render(at), len(value), schema.max_properties))
    fields, values = schema.properties, schema.additional
    for name, entry in value.items():
        field_schema = fields.get(name, values)
        if field_schema is not None:
            check(field_schema, entry, before.get(name), (at, name), found)
    found.extend(errors.required(render((at, name))) for name in schema.required if name not in value)


def _combinations(schema: Schema, value: Any, at: Path, found: list[FieldError]) -> None:
    document = schema.document
    if "anyOf" in document:
        attempts = [_attempt(option, value, at) for option in schema.any_of]
        if all(attempts):
            found.append(_unmet(at, "must validate at least one schema (anyOf)"))
            found.extend(_best(attempts))
    if "oneOf" in document:
        attempts = [_attempt(option, value, at) for option in schema.one_of]
        valid = sum(not attempt for attempt in attempts)
        if valid != 1:
            count = f"Found {valid} valid alternatives" if valid else "Found none valid"
            found.append(_unmet(at, f"must validate one and only one schema (oneOf). {count}"))
            found.extend([] if valid else _best(attempts))
    if "allOf" in document:
        attempts = [_attempt(option, value, at) for option in schema.all_of]
        if any(attempts):
            none = ". None validated" if all(attempts) else ""
            found.extend(fault for attempt in attempts for fault in attempt)
            found.append(_unmet(at, f"must validate all the schemas (allOf){none}"))
    if schema.negated is not None and not _attempt(schema.negated, value, at):
        found.append(_unmet(at, "must not validate the schema (not)"))


def _attempt(schema: Schema, value: Any, at: Path) -> list[FieldError]:
    found: list[FieldError] = []
    check(schema, value, None, at, found)
    return found


def _best(attempts: list[list[FieldError]]) -> list[FieldError]:
    return min(attempts, key=len)


def _unmet(at: Path, what: str) -> FieldError:
    return errors.invalid(_NOWHERE, "", f"{errors.quoted(render(at))} {what}")
