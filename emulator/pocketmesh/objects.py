"""Reading Kubernetes objects, which are plain dicts everywhere in this package.

Objects that come from the store are shared: whoever wants to change one takes `copied` first.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import orjson

Object: TypeAlias = dict[str, Any]


def copied(obj: Object) -> Object:
    """A deep copy that its holder may change."""
    copy: Object = orjson.loads(orjson.dumps(obj))
    return copy


def name_of(obj: Object) -> str:
    """`metadata.name`, or an empty string."""
    return str(obj.get("metadata", {}).get("name", ""))


def namespace_of(obj: Object) -> str:
    """`metadata.namespace`, or an empty string for a cluster-wide object."""
    return str(obj.get("metadata", {}).get("namespace", ""))


def uid_of(obj: Object) -> str:
    """`metadata.uid`, or an empty string."""
    return str(obj.get("metadata", {}).get("uid", ""))


def labels_of(obj: Object) -> dict[str, str]:
    """`metadata.labels`, never None."""
    return obj.get("metadata", {}).get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    """`metadata.annotations`, never None."""
    return obj.get("metadata", {}).get("annotations") or {}


def condition(obj: Object, kind: str) -> Object | None:
    """The entry of `status.conditions` whose type is `kind`."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    return next((entry for entry in conditions if entry.get("type") == kind), None)


def is_true(obj: Object, kind: str) -> bool:
    """Whether the condition `kind` is there with status `True`."""
    found = condition(obj, kind)
    return found is not None and found.get("status") == "True"


def controller_of(obj: Object) -> Object | None:
    """The owner reference that carries `controller: true`."""
    references = obj.get("metadata", {}).get("ownerReferences") or []
    return next((reference for reference in references if reference.get("controller")), None)


def selects(selector: dict[str, str] | None, of: dict[str, str]) -> bool:
    """Whether an equality selector (a Service's, `matchLabels`) matches; an empty one never does."""
    return bool(selector) and all(of.get(key) == value for key, value in (selector or {}).items())
