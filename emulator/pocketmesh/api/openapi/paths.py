"""The `paths` that clients look into: one patch operation for each kind.

From its query parameters kubectl learns that the server knows dry runs and field validation, and from
its content types whether client-side apply may send a strategic merge patch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pocketmesh.api.openapi.schemas import V2, V3, schema_name
from pocketmesh.api.patch.content import APPLY, JSON, MERGE, STRATEGIC
from pocketmesh.objects import Object
from pocketmesh.schema.kinds import Kind

_QUERY: Final = {
    "dryRun": "string",
    "fieldManager": "string",
    "fieldValidation": "string",
    "force": "boolean",
}


def v3_paths(kinds: Iterable[Kind]) -> dict[str, Object]:
    """By path, an OpenAPI 3 path item."""
    parameters = [
        {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}
        for name, kind in _QUERY.items()
    ]
    found: dict[str, Object] = {}
    for kind in _patched(kinds):
        reference = {"schema": {"$ref": V3.prefix + schema_name(kind)}}
        body = {kind_of_patch: {"schema": {"type": "object"}} for kind_of_patch in _patches(kind)}
        response = {"description": "OK", "content": {"application/json": reference}}
        operation = _operation(kind) | {"parameters": parameters, "requestBody": {"content": body}}
        found[_path(kind)] = {"patch": operation | {"responses": {"200": response}}}
    return found


def v2_paths(kinds: Iterable[Kind]) -> dict[str, Object]:
    """By path, an OpenAPI 2 path item."""
    parameters = [
        {"name": name, "in": "query", "type": kind, "uniqueItems": True} for name, kind in _QUERY.items()
    ]
    found: dict[str, Object] = {}
    for kind in _patched(kinds):
        response = {"description": "OK", "schema": {"$ref": V2.prefix + schema_name(kind)}}
        operation = _operation(kind) | {"consumes": _patches(kind), "parameters": parameters}
        found[_path(kind)] = {"patch": operation | {"responses": {"200": response}}}
    return found


def _patched(kinds: Iterable[Kind]) -> Iterable[Kind]:
    return (kind for kind in kinds if "patch" in kind.verbs)


def _patches(kind: Kind) -> list[str]:
    return [JSON, MERGE, *([] if kind.crd else [STRATEGIC]), APPLY]


def _path(kind: Kind) -> str:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    namespace = "/namespaces/{namespace}" if kind.namespaced else ""
    return f"{root}{namespace}/{kind.plural}/{{name}}"


def _operation(kind: Kind) -> Object:
    words = [*kind.group.split(".")[0].split("-"), kind.version] if kind.group else ["core", kind.version]
    scope = "Namespaced" if kind.namespaced else ""
    return {
        "description": f"partially update the specified {kind.kind}",
        "operationId": f"patch{''.join(word.capitalize() for word in words)}{scope}{kind.kind}",
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": {
            "group": kind.group,
            "kind": kind.kind,
            "version": kind.version,
        },
    }
