"""What routes say, as a list of rules that a waypoint goes through for one service.

The first that matches wins: the Gateway API's rules in the order of its precedence, then those of
VirtualServices as they are written. What a match means for a request is left to Envoy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from pocketmesh.net.services import Place

PathType = Literal["Exact", "PathPrefix", "RegularExpression", "Prefix"]
"""`PathPrefix` matches whole elements of a path, a VirtualService's `Prefix` any beginning."""

How = Literal["Exact", "Prefix", "RegularExpression", "Present"]
_PATH_ORDER: Final = {"Exact": 0, "PathPrefix": 1, "RegularExpression": 2}


@dataclass(frozen=True, slots=True)
class ValueMatch:
    """A header or a query parameter with the value it must have, or must not when it is `inverted`."""

    name: str
    value: str
    how: How = "Exact"
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """What a request must look like. Method, scheme and authority are headers, as in HTTP/2."""

    path_type: PathType = "PathPrefix"
    path: str = "/"
    any_case: bool = False
    method: str = ""
    headers: tuple[ValueMatch, ...] = ()
    query: tuple[ValueMatch, ...] = ()


@dataclass(frozen=True, slots=True)
class HeaderChanges:
    """A RequestHeaderModifier or ResponseHeaderModifier."""

    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PathChange:
    """ReplaceFullPath or ReplacePrefixMatch with the new value; a VirtualService's ReplaceMatch, which
    does not look after slashes, or ReplacePattern, whose value may refer to groups of the pattern."""

    type: str
    value: str
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Redirect:
    """A RequestRedirect; what is empty stays as in the request. `keep_port` names the request's port."""

    scheme: str = ""
    hostname: str = ""
    port: int = 0
    code: int = 302
    path: PathChange | None = None
    keep_port: bool = False


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A URLRewrite."""

    hostname: str = ""
    path: PathChange | None = None


@dataclass(frozen=True, slots=True)
class Mirror:
    """A RequestMirror: which share of requests is copied where."""

    host: str
    port: int
    numerator: int = 100
    denominator: int = 100
    subset: str = ""


@dataclass(frozen=True, slots=True)
class Cors:
    """A CORS filter: who may read the answers from another origin, and how long browsers remember it."""

    origins: tuple[ValueMatch, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    credentials: bool = False
    max_age: int = 5
    forward_unmatched: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Trouble made on purpose, each sort for so many percent of requests. `grpc` is a status by name."""

    delay: str = ""
    delayed: float = 0
    status: int = 0
    grpc: str = ""
    aborted: float = 0


@dataclass(frozen=True, slots=True)
class DirectResponse:
    """An answer that no backend is asked for."""

    status: int
    body: str = ""


@dataclass(frozen=True, slots=True)
class Backend:
    """A destination with its share; `host` is a full name, whether it exists or not, port 0 the dialled one.

    `problem` says why that share can only fail: a reason of ResolvedRefs.
    """

    host: str
    port: int
    weight: int = 1
    problem: str = ""
    subset: str = ""
    request_headers: HeaderChanges | None = None
    response_headers: HeaderChanges | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and when a request is tried again: on which codes, and `on` what else if not the usual."""

    attempts: int = 2
    codes: tuple[int, ...] = ()
    backoff: str = ""
    on: str = ""
    elsewhere: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """One match with all that follows from it.

    `route` is the place of a route of `kind`, `index` the rule in it; `parent_port` is 0 when it is for all
    ports. One that is `virtual` comes from a VirtualService: `label` is its own name, `exported` are the
    namespaces that see it, and `clients`, if it is set, the only one whose proxies look at it.
    """

    route: Place
    index: int
    created: str
    match: Match
    backends: tuple[Backend, ...] = ()
    parent_port: int = 0
    request_headers: HeaderChanges | None = None
    response_headers: HeaderChanges | None = None
    redirect: Redirect | None = None
    rewrite: Rewrite | None = None
    mirrors: tuple[Mirror, ...] = ()
    cors: Cors | None = None
    timeout: str = ""
    backend_timeout: str = ""
    retry: Retry | None = None
    fault: Fault | None = None
    direct: DirectResponse | None = None
    kind: str = "HTTPRoute"
    label: str = ""
    exported: tuple[str, ...] = ("*",)
    clients: str = ""

    @property
    def virtual(self) -> bool:
        return self.kind == "VirtualService"

    @property
    def name(self) -> str:
        """What Envoy's access log calls it."""
        if self.virtual:
            return self.label
        return f"{self.route[0]}.{self.route[1]}.{self.index}"


def in_order(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules by precedence: path type, length, method, headers, query, age, name, position."""

    def rank(rule: Rule) -> tuple[object, ...]:
        match = rule.match
        return (
            _PATH_ORDER[match.path_type],
            -len(match.path),
            not match.method,
            -len(match.headers),
            -len(match.query),
            rule.created,
            rule.route,
            rule.index,
        )

    return tuple(sorted(rules, key=rank))


def honoured(rules: Iterable[Rule], service: Place, waypoint: Place, port: int) -> list[Rule]:
    """The rules that a waypoint applies to a Service's port: those of routes in the Service's namespace
    or its own (istio/istio pilot/pkg/networking/core/listener_waypoint.go)."""
    namespaces = {service[0], waypoint[0]}
    return [
        _at(rule, port)
        for rule in rules
        if rule.route[0] in namespaces
        and rule.parent_port in {0, port}
        and rule.clients in {"", waypoint[0]}
        and visible(rule.exported, rule.route[0], waypoint[0])
    ]


def visible(exported: Iterable[str], own: str, namespace: str) -> bool:
    """Whether `exportTo` of an object in namespace `own` lets proxies of another namespace see it."""
    return any(entry in {"*", namespace} or (entry == "." and own == namespace) for entry in exported)


def _at(rule: Rule, port: int) -> Rule:
    if all(backend.port for backend in rule.backends) and all(mirror.port for mirror in rule.mirrors):
        return rule
    return replace(
        rule,
        backends=tuple(replace(backend, port=backend.port or port) for backend in rule.backends),
        mirrors=tuple(replace(mirror, port=mirror.port or port) for mirror in rule.mirrors),
    )


_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")
_UNITS: Final = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


def milliseconds(duration: str) -> int:
    """A duration as the Gateway API (GEP-2257) and Istio write it, such as `1m30s` or `0.5s`."""
    return round(sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(duration)))
