"""What routes say, as a list of rules that a waypoint goes through for one Service.

The list is in the order of the Gateway API's precedence, so the first that matches wins. What a match
means for a request is left to Envoy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from pocketmesh.net.services import Place

PathType = Literal["Exact", "PathPrefix", "RegularExpression"]
_PATH_ORDER: Final = {"Exact": 0, "PathPrefix": 1, "RegularExpression": 2}


@dataclass(frozen=True, slots=True)
class ValueMatch:
    """A header or a query parameter with the value it must have."""

    name: str
    value: str
    regex: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """What a request must look like."""

    path_type: PathType = "PathPrefix"
    path: str = "/"
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
    """ReplaceFullPath or ReplacePrefixMatch with the new value."""

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """A RequestRedirect; what is empty stays as in the request."""

    scheme: str = ""
    hostname: str = ""
    port: int = 0
    code: int = 302
    path: PathChange | None = None


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


@dataclass(frozen=True, slots=True)
class Cors:
    """A CORS filter: who may read the answers from another origin, and how long browsers remember it."""

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    credentials: bool = False
    max_age: int = 5


@dataclass(frozen=True, slots=True)
class Backend:
    """A destination with its share; `host` is a full name, whether it exists or not.

    `problem` says why that share can only fail: a reason of ResolvedRefs.
    """

    host: str
    port: int
    weight: int = 1
    problem: str = ""
    request_headers: HeaderChanges | None = None
    response_headers: HeaderChanges | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and on which codes a request is tried again."""

    attempts: int = 2
    codes: tuple[int, ...] = ()
    backoff: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One match with all that follows from it.

    `route` is the route's place, `index` the rule in it; `parent_port` is 0 when it is for all ports.
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

    @property
    def name(self) -> str:
        """What Envoy's access log calls it."""
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
    return [rule for rule in rules if rule.route[0] in namespaces and rule.parent_port in {0, port}]


_DURATION: Final = re.compile(r"(\d+)(h|ms|m|s)")
_UNITS: Final = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


def milliseconds(duration: str) -> int:
    """A Gateway API duration (GEP-2257), for example `1m30s`, in milliseconds."""
    return sum(int(number) * _UNITS[unit] for number, unit in _DURATION.findall(duration))
