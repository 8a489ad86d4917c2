"""ConfigMaps and Secrets."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from pocketmesh.objects import Object
from pocketmesh.schema import errors, names
from pocketmesh.schema.errors import FieldError

_SIZE_LIMIT: Final = 1024 * 1024
_NEEDED: Final = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def config_map(obj: Object, old: Object | None) -> list[FieldError]:
    """A ConfigMap."""
    data, binary = obj.get("data", {}), obj.get("binaryData", {})
    found = _frozen(obj, old, ("data", "binaryData"))
    found += _keys(data, "data") + _keys(binary, "binaryData")
    for key in sorted(data.keys() & binary.keys()):
        found.append(errors.invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
    if sum(map(len, data.values())) + sum(map(_decoded_size, binary.values())) > _SIZE_LIMIT:
        found.append(errors.too_long("", _SIZE_LIMIT))
    return found


def secret(obj: Object, old: Object | None) -> list[FieldError]:
    """A Secret; its type stays."""
    data, kind = obj.get("data", {}), obj["type"]
    found = _frozen(obj, old, ("data",))
    if old is not None and old.get("type") != kind:
        found.append(errors.invalid("type", kind, "field is immutable"))
    found += _keys(data, "data")
    if sum(map(_decoded_size, data.values())) > _SIZE_LIMIT:
        found.append(errors.too_long("data", _SIZE_LIMIT))
    found += [errors.required(f"data[{key}]") for key in _NEEDED.get(kind, ()) if key not in data]
    if kind == "kubernetes.io/service-account-token":
        key = "kubernetes.io/service-account.name"
        if not obj["metadata"].get("annotations", {}).get(key):
            found.append(errors.required(f"metadata.annotations[{key}]"))
    return found


def _keys(data: dict[str, str], field: str) -> list[FieldError]:
    return [
        errors.invalid(f"{field}[{key}]", key, complaint)
        for key in data
        for complaint in names.config_key(key)
    ]


def _frozen(obj: Object, old: Object | None, fields: tuple[str, ...]) -> list[FieldError]:
    if old is None or not old.get("immutable"):
        return []
    changed = [field for field in fields if obj.get(field) != old.get(field)]
    changed += [] if obj.get("immutable") else ["immutable"]
    return [errors.forbidden(field, "field is immutable when `immutable` is set") for field in changed]


def _decoded_size(text: str) -> int:
    try:
        return len(base64.b64decode(text))
    except binascii.Error:
        return len(text)
