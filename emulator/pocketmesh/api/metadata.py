"""The fields of `metadata` that the server owns: who sets them when, and which may never change.

Follows `rest.BeforeCreate` and `rest.BeforeUpdate` of k8s.io/apiserver/pkg/registry/rest. Pure:
time and identifiers come in as arguments.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

from pocketmesh.api import errors
from pocketmesh.api.errors import ApiError
from pocketmesh.clock import rfc3339
from pocketmesh.objects import Object
from pocketmesh.schema.errors import invalid, required
from pocketmesh.schema.kind import Kind

_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
_GENERATED_SUFFIX: Final = 5
_LONGEST_GENERATED_BASE: Final = 63 - _GENERATED_SUFFIX
_SERVER_SIDE: Final = ("deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion", "selfLink")
_TEXTS: Final = ("name", "namespace", "generateName", "resourceVersion", "uid")
_GO_TYPES: Final = {bool: "bool", list: "array", dict: "object"}
_KEPT: Final = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")


def generated_name(base: str) -> str:
    """`base` and five characters that spell no word (k8s.io/apiserver/pkg/storage/names)."""
    return base[:_LONGEST_GENERATED_BASE] + suffix()


def suffix() -> str:
    """Five random characters of the alphabet that upstream generates names from."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_GENERATED_SUFFIX))


def addressed(kind: Kind, namespace: str, obj: Object, name: str = "") -> Object:
    """The object with the namespace (and name) of the path it was sent to.

    Raises ApiError 400 when it says another apiVersion, kind, namespace or name.
    """
    metadata = obj.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise errors.bad_request("metadata must be an object")
    _check_texts(kind, metadata)
    _agree(kind, obj)
    stated = metadata.get("namespace") or ""
    if kind.namespaced and stated and stated != namespace:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if not kind.namespaced and stated:
        raise errors.bad_request("namespace is not allowed on this type")
    own = metadata.get("name") or ""
    if name and own and own != name:
        raise errors.bad_request(
            f"the name of the object ({own}) does not match the name on the URL ({name})"
        )
    addressed_metadata = {**metadata}
    if kind.namespaced:
        addressed_metadata["namespace"] = namespace
    if name:
        addressed_metadata["name"] = name
    head = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": addressed_metadata}
    return {**head, **{field: value for field, value in obj.items() if field not in head}}


def _check_texts(kind: Kind, metadata: Object) -> None:
    """What is needed to find the object must be readable before the schema looks at the whole."""
    for field in _TEXTS:
        value = metadata.get(field)
        if value is not None and not isinstance(value, str):
            raise errors.bad_request(
                f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
                f"json: cannot unmarshal {_GO_TYPES.get(type(value), 'number')} into Go struct field "
                f"ObjectMeta.metadata.{field} of type string"
            )


def _agree(kind: Kind, obj: Object) -> None:
    version, name = obj.get("apiVersion") or kind.api_version, obj.get("kind") or kind.kind
    if version != kind.api_version:
        raise errors.bad_request(
            f"the API version in the data ({version}) "
            f"does not match the expected API version ({kind.api_version})"
        )
    if name != kind.kind:
        raise errors.bad_request(
            f'{name} in version "{kind.version}" cannot be handled as a {kind.kind}: '
            f"converting ({kind.version}.{name}) to ({kind.version}.{kind.kind}): unknown conversion"
        )


def born(kind: Kind, obj: Object, *, uid: str, now: datetime, generation: int) -> Object:
    """A new object's metadata. Raises ApiError 422 when there is no name."""
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _SERVER_SIDE}
    if not metadata.get("name"):
        raise errors.invalid(kind, "", [required("metadata.name", "name or generateName is required")])
    metadata["uid"] = uid
    metadata["creationTimestamp"] = rfc3339(now)
    metadata.pop("generation", None)
    if generation:
        metadata["generation"] = generation
    return {**obj, "metadata": metadata}


def carried_over(new: Object, old: Object) -> Object:
    """An update's metadata with what only the server sets, taken from the object as it is."""
    before = old["metadata"]
    metadata = {key: value for key, value in new["metadata"].items() if key not in (*_KEPT, "selfLink")}
    metadata.update({key: before[key] for key in _KEPT if key in before})
    if "generateName" in before:
        metadata.setdefault("generateName", before["generateName"])
    metadata["resourceVersion"] = before["resourceVersion"]
    return {**new, "metadata": metadata}


def check_identity(kind: Kind, new: Object, old: Object) -> None:
    """Raises ApiError 409 for another uid or a stale resourceVersion, 422 where a version is required."""
    metadata, before = new["metadata"], old["metadata"]
    name = before["name"]
    uid = metadata.get("uid")
    if uid and uid != before["uid"]:
        raise errors.conflict(
            kind,
            name,
            f"Precondition failed: UID in precondition: {uid}, UID in object meta: {before['uid']}",
        )
    version = metadata.get("resourceVersion")
    if version and version != before["resourceVersion"]:
        raise errors.conflict(kind, name)


def version_required(kind: Kind, name: str) -> ApiError:
    """422 for an unconditional update of a kind that allows none."""
    problem = invalid("metadata.resourceVersion", 0, "must be specified for an update")
    return errors.invalid(kind, name, [problem])
