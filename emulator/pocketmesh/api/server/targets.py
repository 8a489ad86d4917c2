"""What a request is about: its path and method as plain values. Pure.

Source: k8s.io/apiserver/pkg/endpoints/request/requestinfo.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# What stands behind a namespace's name and is no resource in that namespace.
_OF_NAMESPACES: Final = frozenset({"status", "finalize"})


@dataclass(frozen=True, slots=True)
class Target:
    """A resource, one of its objects, or a part of one."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def resource(self) -> str:
        """The version-free name: `pods`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def target(path: str) -> Target | None:
    """The target of a path below `/api/V/` or `/apis/G/V/`; None for every other path, and for one in which
    something has no name."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, parts = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, parts = parts[1], parts[2], parts[3:]
    else:
        return None
    if "" in parts:
        return None
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in _OF_NAMESPACES:
        namespace, parts = parts[1], parts[2:]
    plural, name, subresource, *_ = (*parts, "", "")
    return Target(group, version, plural, namespace, name, subresource)


def verb(method: str, found: Target, query: Mapping[str, str]) -> str:
    """What the request wants, in the words of RBAC; empty for a method that means nothing here."""
    match method:
        case "GET" | "HEAD" if found.name:
            return "get"
        case "GET" | "HEAD":
            return "watch" if is_set(query, "watch") else "list"
        case "DELETE":
            return "delete" if found.name else "deletecollection"
        case "POST" if found.subresource or not found.name:
            return "create"
        case "PUT" if found.name:
            return "update"
        case "PATCH" if found.name:
            return "patch"
    return ""


def is_set(query: Mapping[str, str], name: str) -> bool:
    """A boolean of the query, as Go's strconv.ParseBool reads it; `?watch` alone is true too."""
    return name in query and query[name] in {"", "1", "t", "T", "true", "TRUE", "True"}
