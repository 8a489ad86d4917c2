"""The shape of a kind's objects: what fields there are, and what may be in them.

A schema is a view on an OpenAPI v3 document. Children are looked at when somebody asks for them, so
the hundreds of definitions behind a Pod cost nothing until a Pod comes along, and a schema may
contain itself. What to do with an object that does not fit is decided elsewhere: `decoding`,
`pruning`, `defaulting` and `validation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pocketmesh.objects import Object

if TYPE_CHECKING:
    from pocketmesh.schema.cel import Rule

Resolve = Callable[[Object], "Schema"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Schema:
    """One node. The names follow OpenAPI and its `x-kubernetes-…` extensions."""

    document: Object = field(repr=False)
    resolve: Resolve = field(repr=False)
    definition: str = ""
    type: str = ""
    format: str = ""
    description: str = field(default="", repr=False)
    nullable: bool = False
    int_or_string: bool = False
    preserve_unknown: bool = False
    embedded_resource: bool = False
    required: tuple[str, ...] = ()
    enum: tuple[Any, ...] = ()
    pattern: str = ""
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    multiple_of: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    unique_items: bool = False
    min_properties: int | None = None
    max_properties: int | None = None
    default: Any = None
    list_type: str = ""
    list_map_keys: tuple[str, ...] = ()
    map_type: str = ""
    patch_strategy: tuple[str, ...] = ()
    patch_merge_key: str = ""
    gvk: tuple[Mapping[str, str], ...] = ()

    @cached_property
    def properties(self) -> dict[str, Schema]:
        """The named fields of an object."""
        fields = self.document.get("properties") or {}
        return {name: self.resolve(document) for name, document in fields.items()}

    @cached_property
    def items(self) -> Schema | None:
        """What each element of an array is; None when the document says nothing."""
        return self._child("items")

    @cached_property
    def additional(self) -> Schema | None:
        """What each value of a map is; None when only `properties` are allowed."""
        document = self.document.get("additionalProperties")
        if document is True:
            return self.resolve({"x-kubernetes-preserve-unknown-fields": True})
        return self.resolve(document) if isinstance(document, dict) else None

    @cached_property
    def all_of(self) -> tuple[Schema, ...]:
        """Constraints that must all hold."""
        return self._children("allOf")

    @cached_property
    def any_of(self) -> tuple[Schema, ...]:
        """Constraints of which one must hold."""
        return self._children("anyOf")

    @cached_property
    def one_of(self) -> tuple[Schema, ...]:
        """Constraints of which exactly one must hold."""
        return self._children("oneOf")

    @cached_property
    def negated(self) -> Schema | None:
        """The constraint that must not hold (`not`)."""
        return self._child("not")

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The CEL rules of this node (`x-kubernetes-validations`)."""
        documents = self.document.get("x-kubernetes-validations")
        if not documents:
            return ()
        from pocketmesh.schema.cel import rule

        return tuple(rule(document) for document in documents)

    @cached_property
    def has_rules(self) -> bool:
        """Whether there are CEL rules here or anywhere below; never asked of a recursive schema."""
        if "x-kubernetes-validations" in self.document:
            return True
        return any(child.has_rules for child in (*self._structure(), *self.all_of))

    @cached_property
    def struct(self) -> str:
        """The Go type's name: `DeploymentSpec`."""
        return self.definition.rpartition(".")[2]

    @cached_property
    def plain(self) -> Any:
        """The type of values that need no look inside, which most fields hold."""
        return {"string": str, "boolean": bool}.get(self.type)

    @cached_property
    def is_collection(self) -> bool:
        """Whether this is a list or a map, rather than a scalar or a struct."""
        return self.type == "array" or (self.type == "object" and self.additional is not None)

    def field(self, name: str) -> Schema | None:
        """The schema of one field or map value, None when the field is unknown."""
        return self.properties.get(name) or self.additional

    def _structure(self) -> list[Schema]:
        return [*self.properties.values(), *filter(None, (self.items, self.additional))]

    def _child(self, keyword: str) -> Schema | None:
        document = self.document.get(keyword)
        return self.resolve(document) if isinstance(document, dict) else None

    def _children(self, keyword: str) -> tuple[Schema, ...]:
        return tuple(self.resolve(document) for document in self.document.get(keyword) or ())


def parse(openapi: Object, resolve: Resolve | None = None, definition: str = "") -> Schema:
    """The schema that an `openAPIV3Schema` (or one node of it) describes.

    `resolve` turns child documents into schemas, for documents that refer to named definitions;
    `definition` is the name that this document has among them.
    """
    get = openapi.get
    return Schema(
        document=openapi,
        resolve=resolve or parse,
        definition=definition,
        type=get("type") or "",
        format=get("format") or "",
        description=get("description") or "",
        nullable=bool(get("nullable")),
        int_or_string=bool(get("x-kubernetes-int-or-string")),
        preserve_unknown=bool(get("x-kubernetes-preserve-unknown-fields")),
        embedded_resource=bool(get("x-kubernetes-embedded-resource")),
        required=tuple(get("required") or ()),
        enum=tuple(get("enum") or ()),
        pattern=get("pattern") or "",
        minimum=get("minimum"),
        maximum=get("maximum"),
        exclusive_minimum=bool(get("exclusiveMinimum")),
        exclusive_maximum=bool(get("exclusiveMaximum")),
        multiple_of=get("multipleOf"),
        min_length=get("minLength"),
        max_length=get("maxLength"),
        min_items=get("minItems"),
        max_items=get("maxItems"),
        unique_items=bool(get("uniqueItems")),
        min_properties=get("minProperties"),
        max_properties=get("maxProperties"),
        default=get("default"),
        list_type=get("x-kubernetes-list-type") or "",
        list_map_keys=tuple(get("x-kubernetes-list-map-keys") or ()),
        map_type=get("x-kubernetes-map-type") or "",
        patch_strategy=tuple(filter(None, (get("x-kubernetes-patch-strategy") or "").split(","))),
        patch_merge_key=get("x-kubernetes-patch-merge-key") or "",
        gvk=tuple(get("x-kubernetes-group-version-kind") or ()),
    )
