"""Rules of routes as a route configuration of Envoy.

Upstream: istio/istio pilot/pkg/networking/core/route/{route.go,retry/retry.go}.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from pocketmesh.istio.envoy.xds import Json, resource, seconds, typed
from pocketmesh.istio.mesh.routing import (
    Backend,
    Cors,
    HeaderChanges,
    Match,
    Mirror,
    PathChange,
    Redirect,
    Rule,
    ValueMatch,
    milliseconds,
)
from pocketmesh.net.services import ServicePort

_RETRY_ON: Final = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
_REDIRECT_CODES: Final = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


Naming: TypeAlias = Callable[[str, int], str]
"""What a proxy calls the cluster of a host's port."""


def cluster_name(host: str, port: int, kind: str = "http") -> str:
    """What Istio calls the cluster of a Service's port in a waypoint."""
    return f"inbound-vip|{port}|{kind}|{host}"


def route_configuration(name: str, port: ServicePort, rules: Iterable[Rule]) -> Json:
    """The routes of a Service's port. No rule at all means: everything to the Service itself."""
    operation = f"{port.host}:{port.port}"
    routes = [route(rule, operation, cluster_name) for rule in rules] or [_default(port)]
    host = {
        "name": f"inbound|http|{port.port}",
        "domains": ["*"],
        "routes": routes,
        "include_request_attempt_count": True,
    }
    return resource(
        "config.route.v3.RouteConfiguration", name=name, validate_clusters=False, virtual_hosts=[host]
    )


def _default(port: ServicePort) -> Json:
    return {
        "name": "default",
        "match": {"prefix": "/"},
        "route": {
            "cluster": cluster_name(port.host, port.port),
            "timeout": "0s",
            "retry_policy": {"retry_on": "reset-before-request", "num_retries": 2},
        },
        "decorator": {"operation": f"{port.host}:{port.port}/*"},
    }


def route(rule: Rule, operation: str, naming: Naming) -> Json:
    """A rule as a route of Envoy. `operation` is what responses are marked with, ahead of the path."""
    found: Json = {
        "name": rule.name,
        "match": _match(rule.match),
        "decorator": {"operation": f"{operation}{_shown(rule.match)}"},
        **_header_changes(rule.request_headers, rule.response_headers),
    }
    if rule.cors is not None:
        found["typed_per_filter_config"] = {"envoy.filters.http.cors": _cors(rule.cors)}
    weighted = [backend for backend in rule.backends if backend.weight > 0]
    if rule.redirect is not None:
        found["redirect"] = _redirect(rule.redirect, rule.match)
    elif not rule.backends:
        found["direct_response"] = {"status": 404}
    elif not weighted:
        found["direct_response"] = {"status": 500}
    else:
        found["route"] = _action(rule, weighted, naming)
    return found


def _action(rule: Rule, backends: list[Backend], naming: Naming) -> Json:
    action: Json = {
        "weighted_clusters": {
            "clusters": [
                {
                    "name": naming(backend.host, backend.port),
                    "weight": backend.weight,
                    **_header_changes(backend.request_headers, backend.response_headers),
                    **_host(backend.request_headers),
                }
                for backend in backends
            ]
        },
        "cluster_not_found_response_code": "INTERNAL_SERVER_ERROR",
        "timeout": seconds(
            milliseconds(rule.timeout or (rule.retry is None and rule.backend_timeout) or "0s")
        ),
        "retry_policy": _retry(rule),
        **_host(rule.request_headers),
    }
    if rule.rewrite is not None:
        if rule.rewrite.hostname:
            action["host_rewrite_literal"] = rule.rewrite.hostname
        if rule.rewrite.path is not None:
            action.update(_new_path(rule.rewrite.path, rule.match.path))
    if rule.mirrors:
        action["request_mirror_policies"] = [_mirror(mirror, naming) for mirror in rule.mirrors]
    return action


def _match(match: Match) -> Json:
    found: Json = {}
    match match.path_type:
        case "Exact":
            found["path"] = match.path
        case "RegularExpression":
            found["safe_regex"] = {"regex": match.path}
        case "PathPrefix":
            prefix = match.path.rstrip("/")
            found.update({"path_separated_prefix": prefix} if prefix else {"prefix": "/"})
    headers = [{"name": entry.name, "string_match": _string(entry)} for entry in match.headers]
    if match.method:
        headers.append({"name": ":method", "string_match": {"exact": match.method}})
    if headers:
        found["headers"] = headers
    if match.query:
        found["query_parameters"] = [
            {"name": entry.name, "string_match": _string(entry)} for entry in match.query
        ]
    return found


def _string(entry: ValueMatch) -> Json:
    return {"safe_regex": {"regex": entry.value}} if entry.regex else {"exact": entry.value}


def _shown(match: Match) -> str:
    return f"{match.path}*" if match.path_type == "PathPrefix" else match.path


def _header_changes(request: HeaderChanges | None, response: HeaderChanges | None) -> Json:
    found: Json = {}
    for side, changes in (("request", request), ("response", response)):
        if changes is None:
            continue
        options = [
            *(_header(name, value, "OVERWRITE_IF_EXISTS_OR_ADD") for name, value in changes.set),
            *(_header(name, value, "APPEND_IF_EXISTS_OR_ADD") for name, value in changes.add),
        ]
        if side == "request":
            options = [option for option in options if option["header"]["key"].lower() != "host"]
        if options:
            found[f"{side}_headers_to_add"] = options
        if changes.remove:
            found[f"{side}_headers_to_remove"] = list(changes.remove)
    return found


def _header(name: str, value: str, action: str) -> Json:
    # Envoy reads a percent sign as the start of a command; doubled it is itself.
    return {"header": {"key": name, "value": value.replace("%", "%%")}, "append_action": action}


def _host(changes: HeaderChanges | None) -> Json:
    """Setting `Host` is a rewrite of the authority for Envoy."""
    values = [value for name, value in (changes.set if changes else ()) if name.lower() == "host"]
    return {"host_rewrite_literal": values[0]} if values else {}


def _new_path(change: PathChange, prefix: str) -> Json:
    if change.type == "ReplaceFullPath":
        return {"regex_rewrite": {"pattern": {"regex": "/.*"}, "substitution": _literal(change.value)}}
    old, new = prefix.rstrip("/"), change.value.rstrip("/")
    if old and new:
        return {"prefix_rewrite": new}
    # Without its prefix the path must still begin with exactly one slash.
    pattern = f"^{re.escape(old)}/?(.*)"
    return {"regex_rewrite": {"pattern": {"regex": pattern}, "substitution": f"{_literal(new)}/\\1"}}


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\")


def _redirect(redirect: Redirect, match: Match) -> Json:
    found: Json = {"response_code": _REDIRECT_CODES[redirect.code]}
    if redirect.scheme:
        found["scheme_redirect"] = redirect.scheme
    if redirect.hostname:
        found["host_redirect"] = redirect.hostname
    if redirect.port and _DEFAULT_PORTS.get(redirect.scheme or "http") != redirect.port:
        found["port_redirect"] = redirect.port
    if redirect.path is not None:
        if redirect.path.type == "ReplaceFullPath":
            found["path_redirect"] = redirect.path.value
        else:
            found.update(_new_path(redirect.path, match.path))
    return found


def _retry(rule: Rule) -> Json:
    policy: dict[str, Any] = {
        "retry_on": _RETRY_ON,
        "num_retries": rule.retry.attempts if rule.retry else 2,
        "retry_host_predicate": [
            typed(
                "envoy.retry_host_predicates.previous_hosts",
                "extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
            )
        ],
        "host_selection_retry_max_attempts": "5",
    }
    if rule.retry is not None:
        if rule.retry.codes:
            policy["retriable_status_codes"] = list(rule.retry.codes)
        if rule.retry.backoff:
            interval = milliseconds(rule.retry.backoff)
            policy["retry_back_off"] = {"base_interval": seconds(interval)}
        if rule.backend_timeout:
            policy["per_try_timeout"] = seconds(milliseconds(rule.backend_timeout))
    return policy


def _mirror(mirror: Mirror, naming: Naming) -> Json:
    share = round(mirror.numerator * 1_000_000 / mirror.denominator)
    return {
        "cluster": naming(mirror.host, mirror.port),
        "runtime_fraction": {"default_value": {"numerator": share, "denominator": "MILLION"}},
        "disable_shadow_host_suffix_append": True,
    }


def _cors(cors: Cors) -> Json:
    origins = [
        {"safe_regex": {"regex": ".*".join(re.escape(part) for part in origin.split("*"))}}
        if "*" in origin
        else {"exact": origin}
        for origin in cors.origins
    ]
    return resource(
        "extensions.filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match=origins,
        allow_methods=",".join(cors.methods),
        allow_headers=",".join(cors.headers),
        expose_headers=",".join(cors.exposed),
        allow_credentials=cors.credentials,
        max_age=str(cors.max_age),
        forward_not_matching_preflights=False,
    )


def backends_of(rules: Iterable[Rule]) -> set[tuple[str, int]]:
    """The hosts and ports that rules send or copy requests to."""
    found = {(backend.host, backend.port) for rule in rules for backend in rule.backends if backend.weight}
    return found | {(mirror.host, mirror.port) for rule in rules for mirror in rule.mirrors}
