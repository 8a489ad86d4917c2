"""A JSON schema as tables for people: one for the whole, one for each definition."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from docstrings import field_docs
from pydantic import BaseModel

import labcheck.lab.model

_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


@dataclass(frozen=True, slots=True)
class Field:
    """One row."""

    name: str
    kind: str
    default: str
    about: str


@dataclass(frozen=True, slots=True)
class Table:
    """One definition; the whole has no name."""

    name: str
    about: str
    fields: tuple[Field, ...]


def model_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The model's schema, with the docstrings of its fields as descriptions."""
    schema = model.model_json_schema()
    for name, definition in {model.__name__: schema, **schema.get("$defs", {})}.items():
        for field, text in field_docs(getattr(labcheck.lab.model, name)).items():
            if field in definition["properties"]:
                definition["properties"][field]["description"] = text
    return schema


def tables(schema: dict[str, Any]) -> Iterator[Table]:
    """The whole first, then its definitions, as they are listed."""
    for name, definition in {"": schema, **schema.get("$defs", {})}.items():
        if "properties" in definition:
            rows = tuple(_fields(definition))
            yield Table(name, definition.get("description", ""), rows)


def _fields(definition: dict[str, Any]) -> Iterator[Field]:
    required = definition.get("required", ())
    for name, field in definition["properties"].items():
        default = "required" if name in required else _default(field)
        yield Field(name, kind(field), default, field.get("description", ""))


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    return f"`{json.dumps(value)}`" if value not in (None, {}, []) and not isinstance(value, dict) else ""


def kind(schema: dict[str, Any]) -> str:
    """What a value may be, in words; definitions are links."""
    match schema:
        case {"$ref": str(ref)}:
            name = ref.rpartition("/")[2]
            return f"[{name}](#{name.lower()})"
        case {"const": value}:
            return f"`{json.dumps(value)}`"
        case {"title": "Competency"}:
            return "[competency](#competencies)"
        case {"enum": list(values)}:
            return " or ".join(f"`{value}`" for value in values)
        case {"anyOf": list(arms)} | {"allOf": list(arms)} | {"oneOf": list(arms)}:
            return " or ".join(kind(arm) for arm in arms if arm != {"type": "null"})
        case {"type": list(kinds)}:
            return " or ".join(_WORDS.get(it, it) for it in kinds if it != "null")
        case {"type": "array"}:
            return f"list of {kind(schema['items'])}" if "items" in schema else "list"
        case {"type": "object"}:
            values = schema.get("additionalProperties")
            return f"mapping to {kind(values)}" if isinstance(values, dict) else "mapping"
        case {"type": str(name)}:
            return f"{_WORDS.get(name, name)}{_range(schema)}"
    return "anything"


def _range(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None:
        return ""
    return f", {low} to {high}" if high is not None else f" from {low}"
