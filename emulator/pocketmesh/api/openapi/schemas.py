"""The schemas of kinds in the words of OpenAPI 2 or 3, with every definition that they refer to.

The kinds' own documents are read, never changed. Source of the forms: k8s.io/kube-openapi and what
kube-apiserver 1.36 publishes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from pocketmesh.api.openapi.enums import ENUMS
from pocketmesh.objects import Object
from pocketmesh.schema.builtin.definitions import definitions
from pocketmesh.schema.kinds import Kind

_GVK: Final = "x-kubernetes-group-version-kind"
_REFERENCE: Final = "#/$defs/"
_COMPOSED: Final = ("allOf", "anyOf", "oneOf")
_INT_OR_STRING: Final = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_QUANTITY: Final = "io.k8s.apimachinery.pkg.api.resource.Quantity"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the two versions of OpenAPI differ here."""

    prefix: str
    composes: bool  # allOf, anyOf, oneOf, not, nullable
    special: dict[str, Object]


V2: Final = Dialect(
    "#/definitions/",
    False,
    {_INT_OR_STRING: {"type": "string", "format": "int-or-string"}, _QUANTITY: {"type": "string"}},
)
V3: Final = Dialect(
    "#/components/schemas/",
    True,
    {
        _INT_OR_STRING: {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
        _QUANTITY: {"oneOf": [{"type": "string"}, {"type": "number"}]},
    },
)


def schema_name(kind: Kind) -> str:
    """The name of a kind's definition: the group's domain backwards, for those of CRDs."""
    if kind.schema.definition:
        return kind.schema.definition
    return ".".join([*reversed(kind.group.split(".")), kind.version, kind.kind])


def schemas(kinds: Iterable[Kind], dialect: Dialect) -> dict[str, Object]:
    """The definitions of these kinds and of all that they refer to, by name."""
    found: dict[str, Object] = {}
    missing: set[str] = set()
    for kind in kinds:
        name = kind.schema.definition
        document = definitions().document(name) if name else kind.schema.document
        published = _publish(document, dialect, missing)
        published[_GVK] = [{"group": kind.group, "kind": kind.kind, "version": kind.version}]
        found[schema_name(kind)] = published
    while missing := missing - found.keys():
        for name in sorted(missing):
            document = definitions().document(name)
            special = dialect.special.get(name)
            found[name] = (
                {"description": document.get("description", ""), **special}
                if special
                else _publish(document, dialect, missing)
            )
    if dialect.composes:
        for name in ENUMS.keys() & found.keys():
            for field, values in ENUMS[name].items():
                found[name]["properties"][field]["enum"] = list(values)
    return dict(sorted(found.items()))


def _publish(document: Object, dialect: Dialect, missing: set[str]) -> Object:
    out: Object = {}
    for key, value in document.items():
        if key == "$ref":
            name = value.removeprefix(_REFERENCE)
            missing.add(name)
            out["$ref"] = dialect.prefix + name
        elif key == "properties":
            out[key] = {name: _publish(child, dialect, missing) for name, child in value.items()}
        elif key in {"items", "additionalProperties", "not"}:
            if key != "not" or dialect.composes:
                out[key] = _publish(value, dialect, missing) if isinstance(value, dict) else value
        elif key in _COMPOSED:
            if dialect.composes:
                out[key] = [_publish(child, dialect, missing) for child in value]
        elif _kept(key, value, dialect):
            out[key] = value[0] if key == "type" and isinstance(value, list) else value
    if "$ref" in out and len(out) > 1:
        if not dialect.composes:  # clients refuse a reference that says more than a description
            return {key: out[key] for key in ("$ref", "description") if key in out}
        out["allOf"] = [{"$ref": out.pop("$ref")}]
    return out


def _kept(key: str, value: Any, dialect: Dialect) -> bool:
    match key:
        case "nullable" | "x-kubernetes-validations":
            return dialect.composes
        case "enum":
            return len(value) > 1  # a single value is how the package pins apiVersion and kind
        case _:
            return True
