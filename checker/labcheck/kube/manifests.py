"""Applying a lab's manifests, so that a typo is an error that names the file, the line and the nearest name.

The server validates strictly; this module only translates what it says to where the author wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labcheck.errors import AuthorError, did_you_mean
from labcheck.kube import kinds
from labcheck.kube.cluster import Cluster
from labcheck.kube.connection import Object
from labcheck.kube.errors import ApiRefused
from labcheck.kube.kinds import Kind
from labcheck.yamltext import Document, Place

# Strict decoding: `unknown field "spec.foo"`. Server-side apply: `.spec.foo: field not declared in schema`.
_UNKNOWN = re.compile(r'unknown field "([^"]+)"|\.([\w.\[\]="\-]+): field not declared in schema')
# A rejected value: `… is invalid: spec.ports[0].port: Invalid value: …`.
_FIELD = re.compile(r"(?:is invalid: \[?|, )([a-zA-Z][\w.\[\]\-]*(?:\.[\w.\[\]\-]+)*): ")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Applied:
    """An object that is now in the cluster."""

    kind: Kind
    obj: Object


def apply_all(cluster: Cluster, manifests: Sequence[Document]) -> list[Applied]:
    """Applies the documents in order. Raises AuthorError for what is wrong with one of them."""
    return [applied for document in manifests for applied in _apply(cluster, document)]


def _apply(cluster: Cluster, document: Document) -> Iterator[Applied]:
    obj = document.data
    if not isinstance(obj, dict) or not isinstance(obj.get("metadata"), dict):
        raise AuthorError.at(
            document.path, document.line(()), "A manifest has apiVersion, kind and metadata."
        )
    kind = _kind(cluster, document)
    try:
        yield Applied(kind, cluster.apply(kind, obj))
    except ApiRefused as refusal:
        place = blamed(refusal.message)
        # A 500 that names a field is how a server-side apply refuses one that the schema lacks.
        if refusal.code not in {400, 404, 409, 422} and (refusal.code != 500 or place is None):
            raise
        text = refusal.message if place is None else _with_nearest(cluster, kind, place, refusal.message)
        raise AuthorError.at(document.path, document.line(place or ()), text) from refusal


def _kind(cluster: Cluster, document: Document) -> Kind:
    api_version, name = str(document.data.get("apiVersion", "")), str(document.data.get("kind", ""))
    found = kinds.of(cluster.kinds(), api_version, name) or kinds.of(
        cluster.kinds(again=True), api_version, name
    )
    if found:
        return found
    served = cluster.kinds()
    same = [kind.kind for kind in served if kind.api_version == api_version]
    if same:
        text = f"There is no kind `{name}` in {api_version}. {did_you_mean(name, same)}"
        raise AuthorError.at(document.path, document.line(("kind",)), text)
    text = (
        f"There is no API `{api_version}`. {did_you_mean(api_version, [kind.api_version for kind in served])}"
    )
    raise AuthorError.at(document.path, document.line(("apiVersion",)), text)


def blamed(message: str) -> Place | None:
    """The field that the server's message blames, as a path; None when it names none.

    >>> blamed('strict decoding error: unknown field "spec.ports[0].prt"')
    ('spec', 'ports', 0, 'prt')
    """
    unknown = _UNKNOWN.search(message)
    found = (unknown[1] or unknown[2]) if unknown else (field[1] if (field := _FIELD.search(message)) else "")
    steps = tuple(int(step[2]) if step[2] else step[1] for step in _STEP.finditer(found))
    return steps or None


def _with_nearest(cluster: Cluster, kind: Kind, place: Place, message: str) -> str:
    name = place[-1]
    if not _UNKNOWN.search(message) or not isinstance(name, str):
        return message
    path = ".".join(str(step) for step in place[:-1])
    valid = _fields(cluster, kind, place[:-1])
    inside = f" in {path}" if path else ""
    meant = f" {did_you_mean(name, valid)}" if valid else ""
    return f"{kind.kind} has no field `{name}`{inside}.{meant}"


def _fields(cluster: Cluster, kind: Kind, place: Place) -> list[str]:
    """The fields that the server's OpenAPI v3 document has at `place`; none when it does not tell."""
    root = f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"
    try:
        answer = cluster.connection.request("GET", f"/openapi/v3/{root}")
    except ApiRefused:
        return []
    return fields_at(answer.get("components", {}).get("schemas", {}), kind, place)


def fields_at(schemas: Mapping[str, Any], kind: Kind, place: Place) -> list[str]:
    """The names of the properties at `place` in the schema of `kind`."""
    wanted = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    schema: Any = next(
        (it for it in schemas.values() if wanted in it.get("x-kubernetes-group-version-kind", ())), None
    )
    for step in place:
        schema = _resolved(schemas, schema)
        schema = schema.get("items") if isinstance(step, int) else schema.get("properties", {}).get(step)
    return sorted(_resolved(schemas, schema).get("properties", {}))


def _resolved(schemas: Mapping[str, Any], schema: Any) -> dict[str, Any]:
    """The schema itself, through `$ref` and the `allOf` that Kubernetes wraps one reference in."""
    schema = schema or {}
    for part in (schema, *schema.get("allOf", ())):
        if "$ref" in part:
            found: dict[str, Any] = schemas.get(part["$ref"].rpartition("/")[2], {})
            return found
    return dict(schema)
