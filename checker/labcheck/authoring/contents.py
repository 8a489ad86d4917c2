"""What a cluster holds, so that two moments can be compared.

Compared is what somebody decided: specifications, data, labels, annotations. Left out is what the cluster
does by itself: statuses, bookkeeping, and objects that belong to another object.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from labcheck.environments.inventory import BY_CONTROLLERS, PASSING
from labcheck.kube.connection import Object

Contents = Mapping[str, Any]

_KEPT_BY_THE_CLUSTER = {*PASSING, "CertificateSigningRequest", "ComponentStatus"}
_BOOKKEEPING = ("managedFields", "resourceVersion", "generation")


def contents(objects: Iterable[Object], within: Collection[str] = ()) -> Contents:
    """Those of the objects that somebody decided about, by kind, namespace and name; only what is `within`
    namespaces if any is named."""
    found: dict[str, Any] = {}
    for obj in objects:
        kind, metadata = obj["kind"], obj["metadata"]
        if kind in _KEPT_BY_THE_CLUSTER or metadata.get("ownerReferences"):
            continue
        namespace = metadata.get("namespace") or (metadata["name"] if kind == "Namespace" else "")
        if not within or namespace in within:
            place = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
            found[f"{kind} {place}"] = _decided(obj)
    return found


def differences(before: Contents, after: Contents) -> str:
    """What is otherwise in `after`, in a few words; nothing when they are the same."""
    parts = [f"{ref} appeared" for ref in after if ref not in before]
    parts += [f"{ref} is gone" for ref in before if ref not in after]
    parts += [
        f"{ref} changed at {_first_difference(value, after[ref])}"
        for ref, value in before.items()
        if ref in after and after[ref] != value
    ]
    return ", ".join(parts[:5]) + (f" and {len(parts) - 5} more" if len(parts) > 5 else "")


def _decided(obj: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _BOOKKEEPING}
    if annotations := metadata.get("annotations"):
        metadata["annotations"] = {key: it for key, it in annotations.items() if key not in BY_CONTROLLERS}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": metadata}


def _first_difference(before: Any, after: Any, place: str = "") -> str:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *after]:
            if before.get(key) != after.get(key):
                return _first_difference(before.get(key), after.get(key), f"{place}.{key}")
    return place.lstrip(".") or "its top"
