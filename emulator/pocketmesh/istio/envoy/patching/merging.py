"""One message of protobuf merged into another, both as JSON.

Messages are merged field by field, lists are joined, anything else is replaced, and so is what cannot be
beside it. Fields may be spelled in both of JSON's ways.
Source: https://protobuf.dev/programming-guides/proto3 (JSON mapping, merging of messages).
"""

from __future__ import annotations

import re
from typing import Any, Final

from pocketmesh.istio.envoy.xds import Json

_STRUCT: Final = "type.googleapis.com/udpa.type.v1.TypedStruct"
_STRUCTS: Final = frozenset({_STRUCT, "type.googleapis.com/xds.type.v3.TypedStruct"})
_ALTERNATIVES: Final = (
    frozenset({"route", "redirect", "direct_response", "filter_action", "non_forwarding_action"}),
    frozenset({"cluster", "cluster_header", "weighted_clusters", "cluster_specifier_plugin"}),
    frozenset({"prefix", "path", "safe_regex", "path_separated_prefix", "path_match_policy"}),
    frozenset(
        {"host_rewrite_literal", "auto_host_rewrite", "host_rewrite_header", "host_rewrite_path_regex"}
    ),
    frozenset({"rds", "route_config", "scoped_routes"}),
    frozenset({"type", "cluster_type"}),
)
"""Fields of which a message has one (`oneof`), as far as ours use them."""


def merged(base: Json, change: Json) -> Json:
    """A message changed by another of its type."""
    if (fields := _same_type(base, change)) is not None:
        return merged(base, fields)
    if change.get("@type", base.get("@type")) != base.get("@type"):
        return change
    found = dict(base)
    for given, value in change.items():
        name = _spelled(given, base)
        for alternatives in _ALTERNATIVES:
            if name in alternatives:
                for other in alternatives - {name}:
                    found.pop(other, None)
        found[name] = _value(found.get(name), value)
    return found


def _value(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return merged(old, new)
    if isinstance(old, list) and isinstance(new, list):
        return [*old, *new]
    return new


def _same_type(base: Json, change: Json) -> Json | None:
    """The fields of a change that is written as a structure with a type, when that is the base's type."""
    if change.get("@type") not in _STRUCTS:
        return None
    wanted = change.get("type_url") or change.get("typeUrl")
    fields = change.get("value")
    return fields if wanted == base.get("@type") and isinstance(fields, dict) else None


def _spelled(name: str, base: Json) -> str:
    """The name under which a message may have this field already: ours are written with underscores."""
    with_underscores = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
    known = any(with_underscores in alternatives for alternatives in _ALTERNATIVES)
    return with_underscores if name not in base and (with_underscores in base or known) else name
