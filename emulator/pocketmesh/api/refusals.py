"""How something that does not fit its kind is refused: it depends on how it was sent."""

from __future__ import annotations

import orjson

from pocketmesh.api import errors
from pocketmesh.api.errors import ApiError
from pocketmesh.objects import Object
from pocketmesh.schema.kind import Kind


def of_body(kind: Kind, why: str) -> ApiError:
    """400 for the body of a POST or PUT."""
    head = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
    return errors.bad_request(head + why.removeprefix(head))


def of_patch(patched: Object, why: str) -> ApiError:
    """422 for what a patch makes of the object."""
    return errors.invalid_patch(orjson.dumps(patched).decode(), why)


def of_configuration(kind: Kind, config: Object, why: str) -> ApiError:
    """500 without a reason, as upstream answers an applied configuration."""
    fields = config["metadata"]
    version = f"{kind.group}/{kind.version}, Kind={kind.kind}"
    place = f"{fields.get('namespace', '')}/{fields.get('name', '')}; {version}"
    found = why.removeprefix("strict decoding error: ").removeprefix('unknown field "').partition('"')[0]
    problem = f".{found}: field not declared in schema" if "unknown field" in why else f"errors:\n  {why}"
    return ApiError(500, "", f"failed to create typed patch object ({place}): {problem}")
