"""Whether the schema in a CustomResourceDefinition is a structural one, with defaults and rules that hold.

Upstream: apiextensions `pkg/apis/apiextensions/validation` and `pkg/apiserver/schema`. Costs of rules are not
estimated, so a rule is never refused for what it might take.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from pocketmesh.objects import Object
from pocketmesh.schema import constraints, errors
from pocketmesh.schema.errors import FieldError
from pocketmesh.schema.pruning import unknown_fields
from pocketmesh.schema.structural import Schema, parse

_TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_SCALARS: Final = ("boolean", "integer", "number", "string")
_INT_OR_STRING: Final = [{"type": "integer"}, {"type": "string"}]
_UNSUPPORTED: Final = ("$ref", "additionalItems", "definitions", "dependencies", "id", "patternProperties")
_JUNCTORS: Final = ("allOf", "anyOf", "oneOf")
_EMPTY_TYPE: Final = {
    "root": "must not be empty at the root",
    "items": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}
# What may not be said below a junctor: the keyword, and what it must be instead.
_NOT_NESTED: Final = {
    "type": "empty",
    "additionalProperties": "undefined",
    "default": "undefined",
    "title": "empty",
    "description": "empty",
    "nullable": "false",
    "externalDocs": "undefined",
    "x-kubernetes-preserve-unknown-fields": "false",
    "x-kubernetes-embedded-resource": "false",
    "x-kubernetes-int-or-string": "false",
    "x-kubernetes-list-map-keys": "empty",
    "x-kubernetes-list-type": "undefined",
    "x-kubernetes-map-type": "undefined",
    "x-kubernetes-validations": "empty",
}


def schema(document: Object, field: str) -> list[FieldError]:
    """An `openAPIV3Schema`."""
    nodes = list(_nodes(document, field))
    found = [error for at, node, _ in nodes for error in _keywords(node, at)]
    found += sorted((error for node in nodes for error in _invariants(*node)), key=str)
    if found:
        return found
    for at, node, _ in nodes:
        if "default" in node:
            found += _default(parse(node), at)
        if node.get("x-kubernetes-validations"):
            found += _rules(parse(node), at)
    return found


def _nodes(document: Object, at: str, level: str = "root") -> Iterator[tuple[str, Object, str]]:
    """Every structural node: those that are reached without a junctor."""
    yield at, document, level
    items, values = document.get("items"), document.get("additionalProperties")
    if isinstance(items, dict):
        yield from _nodes(items, f"{at}.items", "items")
    for name, child in (document.get("properties") or {}).items():
        yield from _nodes(child, f"{at}.properties[{name}]", "field")
    if isinstance(values, dict):
        yield from _nodes(values, f"{at}.additionalProperties", "field")


def _keywords(node: Object, at: str) -> Iterator[FieldError]:
    """What a node may not say whatever its place."""
    for keyword in _UNSUPPORTED:
        if node.get(keyword):
            yield errors.forbidden(f"{at}.{keyword}", f"{keyword} is not supported")
    if node.get("uniqueItems"):
        quadratic = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield errors.forbidden(f"{at}.uniqueItems", quadratic)
    kind = node.get("type") or ""
    if kind == "null":
        yield errors.forbidden(f"{at}.type", "type cannot be set to null, use nullable as an alternative")
    elif kind and kind not in _TYPES:
        yield errors.unsupported(f"{at}.type", kind, _TYPES)
    if isinstance(node.get("items"), list):
        yield errors.forbidden(f"{at}.items", "items must be a schema object and not an array")
    if node.get("additionalProperties") not in (None, True) and node.get("properties"):
        both = "additionalProperties and properties are mutual exclusive"
        yield errors.forbidden(f"{at}.additionalProperties", both)
    if node.get("x-kubernetes-preserve-unknown-fields") is False:
        keyword = f"{at}.x-kubernetes-preserve-unknown-fields"
        yield errors.invalid(keyword, False, "must be true or undefined")
    yield from _collection(node, at)


def _collection(node: Object, at: str) -> Iterator[FieldError]:
    kind, of = node.get("type") or "", node.get("x-kubernetes-list-type")
    keys = node.get("x-kubernetes-list-map-keys") or []
    if of is not None:
        if of not in ("atomic", "set", "map"):
            yield errors.unsupported(f"{at}.x-kubernetes-list-type", of, ("atomic", "set", "map"))
        if kind != "array":
            rule = "must be array if x-kubernetes-list-type is specified"
            yield errors.invalid(f"{at}.type", kind, rule) if kind else errors.required(f"{at}.type", rule)
    if keys and of != "map":
        rule = "must be map if x-kubernetes-list-map-keys is non-empty"
        place = f"{at}.x-kubernetes-list-type"
        yield errors.required(place, rule) if of is None else errors.invalid(place, of, rule)
    if of == "map":
        yield from _keyed(node.get("items"), keys, at)
    shape = node.get("x-kubernetes-map-type")
    if shape is not None:
        if shape not in ("atomic", "granular"):
            yield errors.unsupported(f"{at}.x-kubernetes-map-type", shape, ("atomic", "granular"))
        if kind != "object":
            rule = "must be object if x-kubernetes-map-type is specified"
            yield errors.invalid(f"{at}.type", kind, rule) if kind else errors.required(f"{at}.type", rule)


def _keyed(items: Any, keys: list[str], at: str) -> Iterator[FieldError]:
    if not keys:
        rule = "must not be empty if x-kubernetes-list-type is map"
        yield errors.required(f"{at}.x-kubernetes-list-map-keys", rule)
    if not isinstance(items, dict):
        yield errors.required(f"{at}.items", "must have a schema if x-kubernetes-list-type is map")
        return
    if items.get("type") != "object":
        rule = "must be object if parent array's x-kubernetes-list-type is map"
        yield errors.invalid(f"{at}.items.type", items.get("type") or "", rule)
    for index, key in enumerate(keys):
        field, place = (items.get("properties") or {}).get(key), f"{at}.items.properties[{key}]"
        if key in keys[:index]:
            yield errors.duplicate(f"{at}.x-kubernetes-list-map-keys[{index}]", key)
        elif field is None:
            rule = "entries must all be names of item properties"
            yield errors.invalid(f"{at}.x-kubernetes-list-map-keys", keys, rule)
        elif field.get("type") not in _SCALARS:
            rule = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            yield errors.invalid(f"{place}.type", field.get("type") or "", rule)
        elif "default" not in field and key not in (items.get("required") or ()):
            rule = (
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a "
                "required property"
            )
            yield errors.required(f"{place}.default", rule)


def _invariants(at: str, node: Object, level: str) -> Iterator[FieldError]:
    yield from _typed(node, at, level)
    yield from _junctors(node, at, node, at)
    if node.get("pattern"):
        try:
            re.compile(node["pattern"])
        except re.error as error:
            rule = f"must be a valid regular expression, but isn't: error parsing regexp: {error}"
            yield errors.invalid(f"{at}.pattern", node["pattern"], rule)


def _typed(node: Object, at: str, level: str) -> Iterator[FieldError]:
    kind = node.get("type") or ""
    either = bool(node.get("x-kubernetes-int-or-string"))
    open_ended = bool(node.get("x-kubernetes-preserve-unknown-fields"))
    embedded = bool(node.get("x-kubernetes-embedded-resource"))
    if kind == "array" and node.get("items") is None:
        yield errors.required(f"{at}.items", "must be specified")
    if level == "root" and node.get("additionalProperties") is not None:
        yield errors.forbidden(f"{at}.additionalProperties", "must not be used at the root")
    for keyword in ("preserve-unknown-fields", "embedded-resource"):
        if either and node.get(f"x-kubernetes-{keyword}"):
            rule = "must be false if x-kubernetes-int-or-string is true"
            yield errors.invalid(f"{at}.x-kubernetes-{keyword}", True, rule)
    if embedded and kind != "object":
        rule = "must be object if x-kubernetes-embedded-resource is true"
        yield errors.invalid(f"{at}.type", kind, rule) if kind else errors.required(f"{at}.type", rule)
    elif not kind and not either and not open_ended:
        yield errors.required(f"{at}.type", _EMPTY_TYPE[level])
    if level == "root" and kind and kind != "object":
        yield errors.invalid(f"{at}.type", kind, "must be object at the root")
    if embedded and not open_ended and not node.get("properties"):
        rule = (
            "must not be empty if x-kubernetes-embedded-resource is true "
            "without x-kubernetes-preserve-unknown-fields"
        )
        yield errors.required(f"{at}.properties", rule)
    if level == "root" or embedded:
        yield from _identity(node.get("properties") or {}, at, whole=level == "root")


def _identity(fields: Object, at: str, *, whole: bool) -> Iterator[FieldError]:
    for name, wanted in (("kind", "string"), ("apiVersion", "string"), ("metadata", "object")):
        kind = fields.get(name, {}).get("type", "")
        if name in fields and kind != wanted:
            yield errors.invalid(f"{at}.properties[{name}].type", kind, f"must be {wanted}")
    metadata = fields.get("metadata") or {}
    named = {*(metadata.get("properties") or ())} - {"name", "generateName"}
    if whole and (named or {*metadata} - {"type", "description", "properties"}):
        rule = (
            "must not specify anything other than name and generateName, but metadata is implicitly specified"
        )
        yield errors.forbidden(f"{at}.properties[metadata]", rule)


def _junctors(node: Object, at: str, structural: Object | None, place: str) -> Iterator[FieldError]:
    for junctor in _JUNCTORS:
        nested = node.get(junctor) or []
        if junctor == "anyOf" and nested == _INT_OR_STRING:
            continue
        for index, child in enumerate(nested):
            if junctor == "allOf" and index == 0 and child == {"anyOf": _INT_OR_STRING}:
                continue
            yield from _nested(child, f"{at}.{junctor}[{index}]", structural, place)
    if isinstance(node.get("not"), dict):
        yield from _nested(node["not"], f"{at}.not", structural, place)


def _nested(node: Object, at: str, structural: Object | None, place: str) -> Iterator[FieldError]:
    """What is below a junctor only restricts: everything in it must be specified outside, too."""
    for keyword, instead in _NOT_NESTED.items():
        # An empty schema is falsy, too: only absence and false are fine.
        if keyword in node and node[keyword] is not False and node[keyword] != "":
            yield errors.forbidden(f"{at}.{keyword}", f"must be {instead} to be structural")
    outside = structural or {}
    for name, child in (node.get("properties") or {}).items():
        if name == "metadata":
            rule = "must not be specified in a nested context"
            yield errors.forbidden(f"{at}.properties[metadata]", rule)
        field = (outside.get("properties") or {}).get(name)
        where = f"{place}.properties[{name}]"
        if field is None and not isinstance(outside.get("additionalProperties"), dict):
            yield errors.required(where, f"because it is defined in {at}.properties[{name}]")
            continue
        yield from _nested(child, f"{at}.properties[{name}]", field, where)
    items = node.get("items")
    if isinstance(items, dict):
        if outside.get("items") is None:
            yield errors.required(f"{place}.items", f"because it is defined in {at}.items")
        else:
            yield from _nested(items, f"{at}.items", outside["items"], f"{place}.items")
    yield from _junctors(node, at, structural, place)


def _default(node: Schema, at: str) -> list[FieldError]:
    value, place = node.default, f"{at}.default"
    if value is None:
        return []
    found: list[FieldError] = []
    constraints.check(node, value, None, (None, place), found)
    if not found and unknown_fields(node, value):
        found.append(errors.invalid(place, value, "must not have unknown fields"))
    return found


def _rules(node: Schema, at: str) -> Iterator[FieldError]:
    from pocketmesh.schema.cel.checking import problem

    for index, rule in enumerate(node.document["x-kubernetes-validations"]):
        place = f"{at}.x-kubernetes-validations[{index}]"
        text = rule.get("rule") or ""
        if not text.strip():
            yield errors.required(f"{place}.rule", "rule is not specified")
        elif complaint := problem(text, {"self", "oldSelf"}, node):
            yield errors.invalid(f"{place}.rule", _shown(rule), complaint)
        said = rule.get("messageExpression") or ""
        if said.strip() and (complaint := problem(said, {"self", "oldSelf"}, node)):
            yield errors.invalid(f"{place}.messageExpression", _shown(rule), complaint)
        message = rule.get("message", "")
        if message and not message.strip():
            yield errors.invalid(f"{place}.message", message, "message must be non-empty if specified")
        elif "\n" in message.strip():
            yield errors.invalid(f"{place}.message", message, "message must not contain line breaks")
        elif "\n" in text.strip() and not message:
            rule_ = "message must be specified if rule contains line breaks"
            yield errors.required(f"{place}.message", rule_)


def _shown(rule: Object) -> Object:
    """A rule as upstream prints it: the fields of its Go struct."""
    names = ("rule", "message", "messageExpression", "reason", "fieldPath", "optionalOldSelf")
    absent = {"reason": None, "optionalOldSelf": None}
    return {name[0].upper() + name[1:]: rule.get(name, absent.get(name, "")) for name in names}
