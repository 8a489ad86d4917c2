"""Reading the body of a built-in kind, as kube-apiserver's Go decoder does.

Unknown fields and nulls are dropped, empty optional lists and maps too (their Go fields carry
`omitempty`), and a value of another type makes the whole body unreadable. Custom resources are not
read this way, except for their metadata: see `pruning` and `validation`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pocketmesh.objects import Object
from pocketmesh.schema import quantity
from pocketmesh.schema.errors import Undecodable, shown
from pocketmesh.schema.paths import Key, Path, names, render
from pocketmesh.schema.structural import Schema

_INTEGERS: Final = {"int32": 2**31, "int64": 2**63}
_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_ZERO: Final[dict[str, Any]] = {"string": "", "boolean": False, "integer": 0, "number": 0, "array": []}


def decode(schema: Schema, value: Any, at: Path = None, *, under: str = "") -> tuple[Any, list[str]]:
    """What is left of a value, and the paths of unknown fields. Raises Undecodable, in Go's words.

    `under` is the name of the Go struct that holds the value, when it is not a whole object.
    """
    unknown: list[str] = []
    return _decode(schema, value, at, under, unknown), unknown


def _decode(schema: Schema, value: Any, at: Path, struct: str, unknown: list[str]) -> Any:
    kind = schema.type
    if kind == "integer":
        return _integer(schema, value, at, struct)
    if schema.int_or_string:
        return _int_or_string(schema, value)
    if kind and not _TYPES[kind](value):
        raise _mismatch(schema, value, at, struct)
    if kind == "object":
        return _object(schema, value, at, struct, unknown)
    if kind == "array" and schema.items is not None:
        items = schema.items
        return [
            _zero(items) if entry is None else _decode(items, entry, (at, index), struct, unknown)
            for index, entry in enumerate(value)
        ]
    return value


def _object(schema: Schema, value: Object, at: Path, struct: str, unknown: list[str]) -> Object:
    values = schema.additional
    if values is not None:
        return {
            key: entry
            if type(entry) is values.plain
            else _decode(values, entry, (at, Key(key)), struct, unknown)
            for key, entry in value.items()
            if entry is not None
        }
    return value if schema.preserve_unknown else _struct(schema, value, at, unknown)


def _struct(schema: Schema, value: Object, at: Path, unknown: list[str]) -> Object:
    fields, name = schema.properties, schema.struct
    decoded = {}
    for key, entry in value.items():
        field = fields.get(key)
        if field is None:
            unknown.append(render((at, key)))
        elif type(entry) is field.plain:
            decoded[key] = entry
        elif entry is not None:
            entry = _decode(field, entry, (at, key), name, unknown)  # noqa: PLW2901
            if entry or not field.is_collection or key in schema.required:
                decoded[key] = entry
    return decoded


def _integer(schema: Schema, value: Any, at: Path, struct: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mismatch(schema, value, at, struct)
    if value != int(value) or abs(value) >= _INTEGERS.get(schema.format, 2**63):
        raise _mismatch(schema, value, at, struct, shown(value))
    return int(value)


def _int_or_string(schema: Schema, value: Any) -> Any:
    if schema.format == "quantity":
        try:
            return quantity.canonical(value)
        except ValueError as error:
            raise Undecodable(str(error)) from error
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Undecodable(f"json: cannot unmarshal {_json_type(value)} into Go value of type int32")
    return value


def _zero(schema: Schema) -> Any:
    return {} if schema.type == "object" else _ZERO.get(schema.type)


def _mismatch(schema: Schema, value: Any, at: Path, struct: str, literal: str = "") -> Undecodable:
    found = f"{_json_type(value)} {literal}".strip()
    field = f"struct field {struct}.{names(at)}" if struct else "value"
    return Undecodable(f"json: cannot unmarshal {found} into Go {field} of type {_go_type(schema)}")


def _json_type(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
    return "object"


def _go_type(schema: Schema) -> str:
    match schema.type:
        case "boolean":
            return "bool"
        case "integer":
            return schema.format or "int64"
        case "number":
            return "float64"
        case "array":
            return f"[]{_go_type(schema.items)}" if schema.items else "[]interface {}"
        case "object" if schema.additional is not None:
            return f"map[string]{_go_type(schema.additional)}"
        case "object":
            package, _, name = schema.definition.rpartition(".")
            return f"{package.rpartition('.')[2]}.{name}"
    return schema.type
