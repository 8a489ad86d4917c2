"""The OpenAPI definitions of the built-in kinds, as the kubernetes-validate package ships them.

This is the only module that knows that package's layout and its quirks: JSON Schema's
`type: [X, null]` and `#/$defs/` references, `oneOf` for IntOrString and Quantity, no defaults.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import orjson

from pocketmesh import versions
from pocketmesh.objects import Object
from pocketmesh.schema.structural import Schema, parse

_MINOR: Final = versions.KUBERNETES.rpartition(".")[0]
_DIRECTORY: Final = "kubernetes-json-schema"
_PLACE: Final = f"v{_MINOR}.0-local/_definitions.json"
_REFERENCE: Final = "#/$defs/"
# The file is indented by two: a definition starts and ends on lines of its own, four deep. A pattern that
# begins with the line's end is found nine times as fast as one that begins with its start.
_START: Final = re.compile(rb'\n    "([^"\n]+)": \{\n')
_END: Final = b"\n    }"
OBJECT_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
# Any JSON value; the package leaves these without a type.
_ANYTHING: Final = {"x-kubernetes-preserve-unknown-fields": True}
_SPECIAL: Final = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
        "x-kubernetes-int-or-string": True,
        "format": "int-or-string",
    },
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {
        "x-kubernetes-int-or-string": True,
        "format": "quantity",
    },
    "io.k8s.apimachinery.pkg.runtime.RawExtension": {"type": "object", **_ANYTHING},
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": {"type": "object", **_ANYTHING},
}


class UnexpectedLayout(Exception):
    """The kubernetes-validate package does not hold what this module was written for."""


class Definitions:
    """The definitions' text; of its 1.6 MB only what somebody asks for is parsed."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._starts = {match[1].decode(): match.end() - 2 for match in _START.finditer(text)}

    def names(self) -> list[str]:
        """Every definition's name."""
        return list(self._starts)

    def document(self, name: str) -> Object:
        """One definition, as the package has it. Raises KeyError, UnexpectedLayout."""
        start = self._starts[name]
        end = self._text.find(_END, start) + len(_END)
        try:
            document: Object = orjson.loads(self._text[start:end])
        except orjson.JSONDecodeError as error:
            raise UnexpectedLayout(f"kubernetes-validate: {_PLACE}: {name}: {error}") from error
        return document


@cache
def definitions() -> Definitions:
    """Those of the Kubernetes version that this cluster speaks for. Raises UnexpectedLayout."""
    # Found, not imported: the package's own code would bring jsonschema and a second YAML along.
    package = find_spec("kubernetes_validate")
    if package is None or package.origin is None:
        raise UnexpectedLayout("kubernetes-validate is not installed")
    try:
        return Definitions(Path(package.origin).with_name(_DIRECTORY).joinpath(_PLACE).read_bytes())
    except OSError as error:
        raise UnexpectedLayout(f"kubernetes-validate: {error}") from error


@cache
def definition(name: str) -> Schema:
    """The schema of one definition, the same one whenever asked. Raises KeyError."""
    document = _SPECIAL.get(name) or _plain(definitions().document(name))
    return parse(document, _resolve, name)


def _resolve(document: Object) -> Schema:
    """A child: a reference leads to the shared definition unless the referrer adds something to it."""
    reference = document.get("$ref")
    if reference is None:
        return parse(_plain(document), _resolve)
    target = definition(reference.removeprefix(_REFERENCE))
    added = {key: value for key, value in document.items() if key.startswith("x-kubernetes-patch")}
    return parse({**target.document, **added}, _resolve, target.definition) if added else target


def _plain(document: Object) -> Object:
    """The node in OpenAPI's words."""
    kind = document.get("type")
    if isinstance(kind, list):
        return {**document, "type": kind[0]}
    if kind is None and "$ref" not in document:
        return {**document, **_ANYTHING}
    return document
