"""The kinds that a CustomResourceDefinition asks for.

Versions differ in schema and columns only: conversion is `None`, which changes the apiVersion and
nothing else. A definition that wants a conversion webhook is served the same way.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from pocketmesh.objects import Object, condition, is_true
from pocketmesh.schema import ages, jsonpath
from pocketmesh.schema.builtin.definitions import OBJECT_META, definition
from pocketmesh.schema.kind import Column, Kind, ScalePaths
from pocketmesh.schema.structural import Schema, parse

_AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
_SCALE_PATHS = ("specReplicasPath", "statusReplicasPath", "labelSelectorPath")
_STRING = {"type": "string"}


def kinds_of(crd: Object) -> list[Kind]:
    """One kind for each served version, in the definition's order; none while its names are not its own."""
    spec, status = crd["spec"], crd.get("status") or {}
    if condition(crd, "Established") is not None and not is_true(crd, "Established"):
        return []
    accepted = status.get("acceptedNames") or {}
    # A definition as controller-gen writes it has a status with empty names.
    names = accepted if accepted.get("plural") else spec["names"]
    return [
        Kind(
            group=spec["group"],
            version=version["name"],
            kind=names["kind"],
            plural=names["plural"],
            singular=names.get("singular") or names["kind"].lower(),
            schema=_root(version.get("schema", {}).get("openAPIV3Schema") or {"type": "object"}),
            short_names=tuple(names.get("shortNames") or ()),
            categories=tuple(names.get("categories") or ()),
            namespaced=spec["scope"] == "Namespaced",
            subresources=frozenset(version.get("subresources") or ()),
            columns=_columns(version),
            storage=bool(version.get("storage")),
            crd=True,
            list_kind_name=names.get("listKind", ""),
            scale=_scale((version.get("subresources") or {}).get("scale")),
        )
        for version in spec["versions"]
        if version.get("served")
    ]


def _scale(paths: Object | None) -> ScalePaths | None:
    if paths is None:
        return None
    return ScalePaths(*(tuple(filter(None, (paths.get(part) or "").split("."))) for part in _SCALE_PATHS))


def _root(document: Object) -> Schema:
    """The schema of whole objects: every resource has a type and metadata, whatever its author wrote."""
    properties = document.get("properties") or {}
    demanded = (properties.get("metadata") or {}).get("properties")
    metadata = {"$ref": OBJECT_META, **({"properties": demanded} if demanded else {})}
    whole = {"apiVersion": _STRING, "kind": _STRING, **properties, "metadata": metadata}
    return parse({**document, "properties": whole}, _resolve)


def _resolve(document: Object) -> Schema:
    """Children; the metadata node is ObjectMeta with what the author demands of the name on top."""
    if document.get("$ref") != OBJECT_META:
        return parse(document, _resolve)
    target = definition(OBJECT_META)
    demanded = document.get("properties") or {}
    if not demanded:
        return target
    fields = {**target.document["properties"]}
    for name, constraints in demanded.items():
        fields[name] = {**fields.get(name, {}), **constraints}
    return parse({**target.document, "properties": fields}, target.resolve, target.definition)


def _columns(version: Object) -> tuple[Column, ...]:
    """`Name`, then the declared columns (upstream: apiextensions `customresource/tableconvertor`)."""
    name = Column("Name", "string", "name", "", 0, lambda obj, _now: obj["metadata"]["name"])
    declared = version.get("additionalPrinterColumns") or [_AGE]
    return (name, *(_column(column) for column in declared))


def _column(declared: Object) -> Column:
    path, kind = declared["jsonPath"], declared["type"]

    def cell(obj: Object, now: datetime) -> object:
        try:
            found = jsonpath.find(path, obj)
        except jsonpath.UnsupportedPath:
            return None
        return _cell(kind, found[0], now) if found else None

    description = declared.get("description") or (
        f"Custom resource definition column (in JSONPath format): {path}"
    )
    return Column(
        declared["name"], kind, declared.get("format", ""), description, declared.get("priority", 0), cell
    )


def _cell(kind: str, value: Any, now: datetime) -> object:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case "string":
            return _text(value)
        case "date":
            return ages.since(value, now) if isinstance(value, str) else None
        case "integer":
            return int(value) if number else None
        case "number":
            return float(value) if number else None
        case "boolean":
            return value if isinstance(value, bool) else None
    return None


def _text(value: Any) -> str | None:
    """As Go's template printing writes it: plain scalars, JSON for the rest."""
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
