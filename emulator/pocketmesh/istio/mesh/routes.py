"""HTTPRoutes and GRPCRoutes read into rules: every match of every route becomes one.

A route that Istio would drop whole (a destination or a filter that it cannot use) yields none; a backend that
is merely not there keeps its share, which then fails.
Upstream: istio/istio pilot/pkg/config/kube/gateway/conversion.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import replace
from itertools import chain
from typing import Final, TypeAlias

from pocketmesh.istio.mesh.matches import matches
from pocketmesh.istio.mesh.routing import (
    Backend,
    Cors,
    HeaderChanges,
    Match,
    Mirror,
    PathChange,
    Redirect,
    Retry,
    Rewrite,
    Rule,
    ValueMatch,
    in_order,
)
from pocketmesh.net.services import Place, host_of
from pocketmesh.objects import Object, name_of, namespace_of

Granted: TypeAlias = Callable[[Object], bool]
"""Whether a route may send to a reference's Service, which one of another namespace must have permitted."""

_SERVICE: Final = ("", "Service")
_HOSTNAME: Final = ("networking.istio.io", "Hostname")
_BACKEND_FILTERS: Final = frozenset({"RequestHeaderModifier", "ResponseHeaderModifier"})
_RULE_FILTERS: Final = {
    "HTTPRoute": _BACKEND_FILTERS | {"RequestRedirect", "URLRewrite", "RequestMirror", "CORS"},
    "GRPCRoute": _BACKEND_FILTERS | {"RequestMirror"},
    "TLSRoute": frozenset(),
    "TCPRoute": frozenset(),
}


def rules_by_service(
    routes: Iterable[Object],
    services: Iterable[Place],
    entries: Mapping[Place, tuple[Place, ...]] | None = None,
) -> dict[Place, tuple[Rule, ...]]:
    """The rules of every service that is some route's parent, first match first.

    `entries` are the services of each ServiceEntry.
    """
    entries = entries or {}
    hosts = frozenset(map(host_of, chain(services, *entries.values())))
    found: dict[Place, list[Rule]] = {}
    for route in routes:
        rules = rules_of(route, hosts)
        for parent in route["spec"].get("parentRefs") or []:
            port = int(parent.get("port") or 0)
            for service in _parents(parent, namespace_of(route), entries):
                found.setdefault(service, []).extend(replace(rule, parent_port=port) for rule in rules)
    return {service: in_order(rules) for service, rules in found.items()}


def connections_by_service(
    tls_routes: Iterable[Object],
    tcp_routes: Iterable[Object],
    services: Iterable[Place],
    entries: Mapping[Place, tuple[Place, ...]] | None = None,
) -> dict[Place, tuple[Rule, ...]]:
    """The same for connections that are no requests: TLSRoutes go before TCPRoutes, older before younger. A
    TLSRoute's hostnames have no effect (istio/istio pilot/pkg/networking/core/listener_waypoint.go)."""
    found: dict[Place, tuple[Rule, ...]] = {}
    for routes in (tls_routes, tcp_routes):
        for service, rules in rules_by_service(routes, services, entries).items():
            found[service] = (*found.get(service, ()), *rules)
    return found


def _parents(parent: Object, namespace: str, entries: Mapping[Place, tuple[Place, ...]]) -> tuple[Place, ...]:
    place = (parent.get("namespace") or namespace, str(parent["name"]))
    match parent.get("group"), parent.get("kind"):
        case "", "Service":
            return (place,)
        case "networking.istio.io", "ServiceEntry":
            return entries.get(place, ())
    return ()


def rules_of(route: Object, hosts: Set[str], granted: Granted = lambda reference: True) -> list[Rule]:
    """The rules of one route; `hosts` are the full names that exist."""
    place = (namespace_of(route), name_of(route))
    created = str(route["metadata"].get("creationTimestamp", ""))
    found: list[Rule] = []
    for index, rule in enumerate(route["spec"].get("rules") or [{}]):
        if not _known_filters(route["kind"], rule):
            return []
        backends = [_backend(ref, place[0], hosts, granted) for ref in rule.get("backendRefs") or []]
        if any(backend.problem == "InvalidDestination" for backend in backends if backend.weight):
            return []
        base = replace(
            _filtered(_permitted(rule.get("filters") or [], granted), place[0]),
            route=place,
            kind=route["kind"],
            index=index,
            created=created,
            backends=tuple(backends),
            timeout=(rule.get("timeouts") or {}).get("request", ""),
            backend_timeout=(rule.get("timeouts") or {}).get("backendRequest", ""),
            retry=_retry(rule.get("retry")),
        )
        found.extend(replace(base, match=match) for match in matches(route["kind"], rule))
    return found


def _backend(ref: Object, namespace: str, hosts: Set[str], granted: Granted) -> Backend:
    host = _host(ref, namespace)
    filtered = _filtered(ref.get("filters") or [], namespace)
    weight = ref.get("weight")
    return Backend(
        host=host,
        port=int(ref.get("port") or 0),
        weight=1 if weight is None else int(weight),
        problem=_problem(ref, host, hosts) or ("" if granted(ref) else "RefNotPermitted"),
        request_headers=filtered.request_headers,
        response_headers=filtered.response_headers,
    )


def _host(ref: Object, namespace: str) -> str:
    name = str(ref["name"])
    return name if _kind(ref) == _HOSTNAME else host_of((ref.get("namespace") or namespace, name))


def _kind(ref: Object) -> tuple[str, str]:
    return ref.get("group") or "", ref.get("kind") or "Service"


def _problem(ref: Object, host: str, hosts: Set[str]) -> str:
    if _kind(ref) not in {_SERVICE, _HOSTNAME}:
        return "InvalidKind"
    unusable = ref.get("namespace") if _kind(ref) == _HOSTNAME else "." in ref["name"]
    if not ref.get("port") or unusable:
        return "InvalidDestination"
    return "" if host in hosts else "BackendNotFound"


def _filtered(filters: list[Object], namespace: str) -> Rule:
    rule = Rule(("", ""), 0, "", Match())
    for entry in filters:
        match entry["type"]:
            case "RequestHeaderModifier":
                rule = replace(rule, request_headers=_changes(entry["requestHeaderModifier"]))
            case "ResponseHeaderModifier":
                rule = replace(rule, response_headers=_changes(entry["responseHeaderModifier"]))
            case "RequestRedirect":
                rule = replace(rule, redirect=_redirect(entry["requestRedirect"]))
            case "URLRewrite":
                rewrite = entry["urlRewrite"]
                rule = replace(rule, rewrite=Rewrite(rewrite.get("hostname") or "", _path(rewrite)))
            case "CORS":
                rule = replace(rule, cors=_cors(entry["cors"]))
            case "RequestMirror":
                rule = replace(rule, mirrors=(*rule.mirrors, _mirror(entry["requestMirror"], namespace)))
    return rule


def _known_filters(kind: str, rule: Object) -> bool:
    own = {entry["type"] for entry in rule.get("filters") or []}
    refs = rule.get("backendRefs") or []
    of_backends = {entry["type"] for ref in refs for entry in ref.get("filters") or []}
    return own <= _RULE_FILTERS[kind] and of_backends <= _BACKEND_FILTERS


def _permitted(filters: list[Object], granted: Granted) -> list[Object]:
    """The filters but for mirrors that may not be sent to."""
    return [
        entry
        for entry in filters
        if entry["type"] != "RequestMirror" or granted(entry["requestMirror"]["backendRef"])
    ]


def _changes(modifier: Object) -> HeaderChanges:
    return HeaderChanges(
        _first_wins(modifier.get("set")),
        _first_wins(modifier.get("add")),
        tuple(modifier.get("remove") or ()),
    )


def _first_wins(entries: list[Object] | None) -> tuple[tuple[str, str], ...]:
    found: dict[str, tuple[str, str]] = {}
    for entry in entries or []:
        found.setdefault(entry["name"].lower(), (entry["name"], entry["value"]))
    return tuple(found.values())


def _redirect(redirect: Object) -> Redirect:
    scheme, port = redirect.get("scheme") or "", int(redirect.get("port") or 0)
    return Redirect(
        scheme,
        redirect.get("hostname") or "",
        port,
        int(redirect.get("statusCode") or 302),
        _path(redirect),
        keep_port=not scheme and not port,
    )


def _path(owner: Object) -> PathChange | None:
    path = owner.get("path")
    if not path:
        return None
    value = path.get("replaceFullPath") or path.get("replacePrefixMatch") or ""
    return PathChange(path["type"], value)


def _mirror(mirror: Object, namespace: str) -> Mirror:
    ref = mirror["backendRef"]
    host = _host(ref, namespace)
    fraction = mirror.get("fraction")
    if fraction:
        return Mirror(host, int(ref["port"]), fraction["numerator"], fraction.get("denominator") or 100)
    percent = mirror.get("percent")
    return Mirror(host, int(ref["port"]), 100 if percent is None else int(percent))


def _cors(cors: Object) -> Cors:
    return Cors(
        tuple(_origin(origin) for origin in cors.get("allowOrigins") or ()),
        tuple(cors.get("allowMethods") or ()),
        tuple(cors.get("allowHeaders") or ()),
        tuple(cors.get("exposeHeaders") or ()),
        bool(cors.get("allowCredentials")),
        int(cors.get("maxAge") or 5),
    )


def _origin(origin: str) -> ValueMatch:
    if "*" not in origin:
        return ValueMatch("origin", origin)
    pattern = ".*".join(re.escape(part) for part in origin.split("*"))
    return ValueMatch("origin", pattern, "RegularExpression")


def _retry(retry: Object | None) -> Retry | None:
    if not retry:
        return None
    attempts = retry.get("attempts")
    codes = tuple(int(code) for code in retry.get("codes") or ())
    return Retry(2 if attempts is None else int(attempts), codes, retry.get("backoff") or "")
