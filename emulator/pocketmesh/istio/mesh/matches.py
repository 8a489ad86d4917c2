"""What a route's rule matches, read from its `matches`. Pure.

A gRPC call is an HTTP/2 request for `/service/method`, so a GRPCRoute's matches are paths.
Upstream: istio/istio pilot/pkg/config/kube/gateway/conversion.go (createURIMatch, createGRPCURIMatch).
"""

from __future__ import annotations

from pocketmesh.istio.mesh.routing import Match, PathType, ValueMatch
from pocketmesh.objects import Object

_ANY_NAME = "[^/]+"


def matches(kind: str, rule: Object) -> list[Match]:
    """The matches of a rule of a route of a kind; one that takes everything when it has none."""
    read = _grpc if kind == "GRPCRoute" else _http
    return [read(match) for match in rule.get("matches") or [{}]]


def _http(match: Object) -> Match:
    path = match.get("path") or {}
    return Match(
        path_type=path.get("type") or "PathPrefix",
        path=path.get("value") or "/",
        method=match.get("method") or "",
        headers=_values(match.get("headers"), fold=True),
        query=_values(match.get("queryParams"), fold=False),
    )


def _grpc(match: Object) -> Match:
    method = match.get("method") or {}
    path_type, path = _grpc_path(
        method.get("type") or "Exact", method.get("service") or "", method.get("method") or ""
    )
    return Match(path_type=path_type, path=path, headers=_values(match.get("headers"), fold=True))


def _grpc_path(kind: str, service: str, method: str) -> tuple[PathType, str]:
    if not service and not method:
        return "PathPrefix", "/"
    if kind == "RegularExpression":
        return "RegularExpression", f"/{service or _ANY_NAME}/{method or _ANY_NAME}"
    if not method:
        return "PathPrefix", f"/{service}/"
    if not service:
        return "RegularExpression", f"/{_ANY_NAME}/{method}"
    return "Exact", f"/{service}/{method}"


def _values(entries: list[Object] | None, *, fold: bool) -> tuple[ValueMatch, ...]:
    found: dict[str, ValueMatch] = {}
    for entry in entries or []:
        name = entry["name"].lower() if fold else entry["name"]
        # Of equivalent names only the first counts (Gateway API, HTTPHeaderMatch.name).
        found.setdefault(name, ValueMatch(name, entry["value"], entry.get("type") or "Exact"))
    return tuple(found.values())
