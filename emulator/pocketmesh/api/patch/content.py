"""Which patch a content type means, how it is read, and whether a kind takes it."""

from __future__ import annotations

from typing import Any, Final

from pocketmesh.api.errors import bad_request, unsupported_media_type
from pocketmesh.api.parsing import Unreadable, from_json, from_yaml
from pocketmesh.api.patch import json, merge, strategic
from pocketmesh.objects import Object
from pocketmesh.schema.kind import Kind

JSON: Final = "application/json-patch+json"
MERGE: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
APPLY: Final = "application/apply-patch+yaml"


def accepted(kind: Kind) -> list[str]:
    """The content types that a PATCH of this kind may have; custom resources know no strategy."""
    return [JSON, MERGE, APPLY] if kind.crd else [JSON, MERGE, STRATEGIC, APPLY]


def read(kind: Kind, content_type: str, body: bytes | Any) -> Any:
    """The patch that a body holds. Raises ApiError: 400 unreadable, 415 no patch that the kind takes."""
    if content_type not in accepted(kind):
        raise unsupported_media_type(accepted(kind))
    if not isinstance(body, bytes):
        return body
    try:
        return from_yaml(body) if content_type == APPLY else from_json(body)
    except Unreadable as error:
        decoded = "YAML" if content_type == APPLY else "patch"
        raise bad_request(f"error decoding {decoded}: {error}") from error


def patched(kind: Kind, content_type: str, target: Object, body: Any) -> Object:
    """What the patch makes of the target. Raises ApiError: 400, 413 or 422."""
    if content_type == JSON:
        result = json.patch(target, body)
    elif not isinstance(body, dict):
        told = f"json: cannot unmarshal {_go_kind(body)} into Go value of type map[string]interface {{}}"
        raise bad_request(told if content_type == STRATEGIC else f"error decoding patch: {told}")
    elif content_type == STRATEGIC:
        schema = kind.schema if target.get("kind") == kind.kind else None
        result = strategic.merge(schema, target, body)
    else:
        result = merge.merge(target, body)
    if not isinstance(result, dict):
        raise bad_request("the patched object is not an object")
    return result


def _go_kind(value: Any) -> str:
    """What Go's encoding/json calls a value that is no object."""
    if isinstance(value, bool):
        return "bool"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "number"
