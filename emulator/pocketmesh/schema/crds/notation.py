"""The compact notation in which this package writes CustomResourceDefinitions.

An OpenAPI schema says a little in many lines and repeats shared types wherever they are used. Here a type is
written once, a field is one line, and `expand` gives the structural schema that the Kubernetes API wants.

A node is a line or a mapping. A line reads `[nullable] TYPE [= DEFAULT] [-- DESCRIPTION]`, where TYPE is

* a scalar: `string`, `boolean`, `int32`, `int64`, `uint32`, `integer`, `double`, `date-time`, `byte`,
  `int-or-string`, `object` (open: unknown fields are kept), or the name of a type in the same bundle;
  then its limits `MIN..MAX` (either end may be missing) and its `/pattern/`;
* an enumeration: `Exact | RegularExpression`, `301 | 302`;
* `list [MIN..MAX] [atomic | set | by KEY] of TYPE` or `map [MIN..MAX] of TYPE`.

A mapping has `type` (such a line; an object when there are `fields`), `about`, `fields` (a name that ends in
`!` is required), `rules` (CEL: the message, then the expression that has to hold), `at most one of` (lists of
fields that exclude each other) and `also` (verbatim schema keys, for what the notation has no word for).

The notation describes schemas; it does not check objects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]
Node: TypeAlias = "str | dict[str, Any]"

SCALARS: Mapping[str, Schema] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "uint32": {"type": "integer", "minimum": 0, "maximum": 4294967295},
    "double": {"type": "number", "format": "double"},
    "date-time": {"type": "string", "format": "date-time"},
    "byte": {"type": "string", "format": "byte"},
    "int-or-string": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
    "object": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
}
LIMITS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
}
COLLECTION = re.compile(r"(list|map)(?: (\d*)\.\.(\d*))?(?: (atomic|set|by (\S+)))? of (.+)")
SCALAR = re.compile(r"(\S+?)(?: (\d*)\.\.(\d*))?(?: /(.+)/)?")


class NotationError(ValueError):
    """A line or a name that the notation does not know."""


class Types:
    """The named types of one bundle, each expanded once and then shared by all who name it.

    Sharing is what keeps the expansion fast and small; whoever wants to change a schema copies it first.
    """

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes
        self._expanded: dict[str, Schema] = {}

    def expand(self, node: Node) -> Schema:
        """The structural schema (an `openAPIV3Schema` node) that `node` stands for.

        Raises NotationError on a line that does not follow the notation.
        """
        if isinstance(node, str):
            return self._line(node)
        schema: Schema = self._line(node["type"]) if "type" in node else {"type": "object"}
        if "about" in node:
            schema["description"] = node["about"]
        if "fields" in node:
            fields: dict[str, Node] = node["fields"]
            schema["properties"] = {name.rstrip("!"): self.expand(field) for name, field in fields.items()}
            if required := [name[:-1] for name in fields if name.endswith("!")]:
                schema["required"] = required
        if "rules" in node:
            schema["x-kubernetes-validations"] = [
                *schema.get("x-kubernetes-validations", ()),
                *({"message": message, "rule": rule} for message, rule in node["rules"].items()),
            ]
        if "at most one of" in node:
            schema.update(_exclusive(node["at most one of"]))
        schema.update(node.get("also", {}))
        return schema

    def _line(self, line: str) -> Schema:
        rest, _, about = line.partition(" -- ")
        rest, _, default = rest.partition(" = ")
        nullable = rest.startswith("nullable ")
        schema = self._type(rest.removeprefix("nullable ").strip())
        if about:
            schema["description"] = about
        if default:
            schema["default"] = _value(default, schema)
        if nullable:
            schema["nullable"] = True
        return schema

    def _type(self, text: str) -> Schema:
        """A new dict: callers add to it; what is below may be shared."""
        if found := COLLECTION.fullmatch(text):
            shape, low, high, order, key, of = found.groups()
            if shape == "map":
                return _limited({"type": "object", "additionalProperties": self._type(of)}, low, high)
            schema = _limited({"type": "array", "items": self._type(of)}, low, high)
            if order:
                schema["x-kubernetes-list-type"] = "map" if key else order
            if key:
                schema["x-kubernetes-list-map-keys"] = [key]
            return schema
        if " | " in text:
            values = text.split(" | ")
            if all(value.isdecimal() for value in values):
                return {"type": "integer", "enum": [int(value) for value in values]}
            return {"type": "string", "enum": values}
        if not (found := SCALAR.fullmatch(text)):
            raise NotationError(f"not a type: {text!r}")
        word, low, high, pattern = found.groups()
        schema = _limited(dict(SCALARS[word] if word in SCALARS else self._named(word)), low, high)
        if pattern:
            schema["pattern"] = pattern
        return schema

    def _named(self, name: str) -> Schema:
        if name not in self._expanded:
            if name not in self._nodes:
                raise NotationError(f"no type is named {name!r}")
            self._expanded[name] = self.expand(self._nodes[name])
        return self._expanded[name]


def _limited(schema: Schema, low: str | None, high: str | None) -> Schema:
    if low or high:
        least, most = LIMITS[schema["type"]]
        if low:
            schema[least] = int(low)
        if high:
            schema[most] = int(high)
    return schema


def _value(text: str, schema: Schema) -> object:
    """A default: JSON, except that a string needs no quotes."""
    if schema.get("type") == "string" and not text.startswith('"'):
        return text
    return json.loads(text)


def _exclusive(groups: list[list[str]]) -> Schema:
    """How Istio's generator writes protobuf's `oneof`: none of the fields, or exactly one of them."""
    choices = []
    for group in groups:
        wanted = [{"required": [name]} for name in group]
        choices.append({"oneOf": [{"not": {"anyOf": wanted}}, *wanted]})
    return choices[0] if len(choices) == 1 else {"allOf": choices}
