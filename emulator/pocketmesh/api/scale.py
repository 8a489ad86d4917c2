"""The `scale` subresource: `autoscaling/v1` Scale in place of the whole object."""

from __future__ import annotations

from typing import Any, Final

from pocketmesh.api import errors
from pocketmesh.api.calls import part
from pocketmesh.objects import Object
from pocketmesh.schema.errors import FieldError, invalid
from pocketmesh.schema.kind import Kind

API_VERSION: Final = "autoscaling/v1"
_REPLICAS: Final = ("spec", "replicas")
_CURRENT: Final = ("status", "replicas")
_METADATA: Final = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def read(kind: Kind, obj: Object) -> Object:
    """The Scale of an object. Raises ApiError 500 for a custom resource without replicas."""
    paths = kind.scale
    wanted = _at(obj, paths.wanted if paths else _REPLICAS)
    if paths and wanted is None:
        path = "".join(f".{step}" for step in paths.wanted)
        raise errors.internal(f"the spec replicas field {path!r} does not exist".replace("'", '"'))
    scale: Object = {
        "kind": "Scale",
        "apiVersion": API_VERSION,
        "metadata": {field: obj["metadata"][field] for field in _METADATA if field in obj["metadata"]},
        "spec": {"replicas": wanted} if wanted else {},
        "status": {"replicas": _at(obj, paths.current if paths else _CURRENT) or 0},
    }
    spec = obj.get("spec") or {}
    selector = _at(obj, paths.selector) if paths else _selector_text(spec.get("selector") or {})
    if selector:
        scale["status"]["selector"] = selector
    return scale


def written(kind: Kind, obj: Object, scale: Object) -> Object:
    """The object with the replicas that a Scale asks for."""
    metadata = {**obj["metadata"]}
    version = part(scale, "metadata").get("resourceVersion")
    if version:
        metadata["resourceVersion"] = version
    replicas = part(scale, "spec").get("replicas") or 0
    return {**_with(obj, kind.scale.wanted if kind.scale else _REPLICAS, replicas), "metadata": metadata}


def _at(obj: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        obj = obj.get(step) if isinstance(obj, dict) else None
    return obj if path else None


def _with(obj: Object, path: tuple[str, ...], value: object) -> Object:
    first, *rest = path
    return {**obj, first: _with(obj.get(first) or {}, tuple(rest), value) if rest else value}


def problems(scale: Object) -> list[FieldError]:
    """What is wrong with a Scale. Raises ApiError 400 for one that cannot be read."""
    replicas = part(scale, "spec").get("replicas") or 0
    if not isinstance(replicas, int) or replicas < 0:
        return [invalid("spec.replicas", replicas, "must be greater than or equal to 0")]
    return []


def _selector_text(selector: Object) -> str:
    """A label selector as text (`metav1.FormatLabelSelector`); a controller's is a plain map."""
    labels = selector.get("matchLabels") or {}
    if not labels and "matchExpressions" not in selector:
        labels = selector
    terms = [f"{key}={value}" for key, value in sorted(labels.items())]
    for expression in selector.get("matchExpressions") or []:
        key, values = expression["key"], ",".join(sorted(expression.get("values") or []))
        match expression["operator"]:
            case "In":
                terms.append(f"{key} in ({values})")
            case "NotIn":
                terms.append(f"{key} notin ({values})")
            case "Exists":
                terms.append(key)
            case "DoesNotExist":
                terms.append(f"!{key}")
    return ",".join(terms)
