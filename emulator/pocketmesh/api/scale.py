"""The `scale` subresource: `autoscaling/v1` Scale in place of the whole object."""

from __future__ import annotations

from typing import Final

from pocketmesh.api.calls import part
from pocketmesh.objects import Object
from pocketmesh.schema.errors import FieldError, invalid

API_VERSION: Final = "autoscaling/v1"
_METADATA: Final = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def read(obj: Object) -> Object:
    """The Scale of an object."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    scale: Object = {
        "kind": "Scale",
        "apiVersion": API_VERSION,
        "metadata": {field: obj["metadata"][field] for field in _METADATA if field in obj["metadata"]},
        "spec": {"replicas": spec["replicas"]} if spec.get("replicas") else {},
        "status": {"replicas": status.get("replicas") or 0},
    }
    selector = _selector_text(spec.get("selector") or {})
    if selector:
        scale["status"]["selector"] = selector
    return scale


def written(obj: Object, scale: Object) -> Object:
    """The object with the replicas that a Scale asks for."""
    metadata = {**obj["metadata"]}
    version = part(scale, "metadata").get("resourceVersion")
    if version:
        metadata["resourceVersion"] = version
    replicas = part(scale, "spec").get("replicas") or 0
    return {**obj, "metadata": metadata, "spec": {**obj["spec"], "replicas": replicas}}


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
