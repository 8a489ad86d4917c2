"""Policies of action CUSTOM: a request that one of their rules matches is put to somebody else.

An RBAC filter that enforces nothing says which rule matches; the filter that asks looks at what it said.
When there is nobody who could be asked, what the rules match is refused.
Upstream: istio/istio pilot/pkg/security/authz/builder/{builder,extauthz}.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pocketmesh.istio.envoy.rbac import envoy_policies, rbac_filter
from pocketmesh.istio.envoy.strings import pattern
from pocketmesh.istio.envoy.xds import Json, typed
from pocketmesh.istio.mesh.guards import Authorizer, Guard
from pocketmesh.net.services import ServicePort
from pocketmesh.objects import Object

_MATCHED: Final = "istio-ext-authz"
_PREFIX: Final = "istio_ext_authz_"
_PATIENCE: Final = "600s"


def filters(guard: Guard, *, http: bool) -> list[Json]:
    """The pair of filters that asks; none without such a policy."""
    policies = [policy for policy in guard.policies if policy.action == "CUSTOM"]
    if not policies:
        return []
    if guard.authorizer is None:
        refused = envoy_policies(policies, http=http, after="-deny-due-to-bad-CUSTOM-action")
        return [rbac_filter(http=http, rules={"action": "DENY", "policies": refused})]
    over_grpc = guard.authorizer.provider.kind == "envoyExtAuthzGrpc"
    if not http and not over_grpc:
        return []
    matched = envoy_policies(policies, http=http, before=f"{_MATCHED}-")
    shadow = rbac_filter(
        http=http,
        shadow_rules={"action": "DENY", "policies": matched},
        shadow_rules_stat_prefix=_PREFIX,
    )
    call = _grpc(guard.authorizer) if over_grpc else _http(guard.authorizer)
    return [shadow, _asking(guard.authorizer, call, http=http)]


def cluster_name(port: ServicePort) -> str:
    """What Istio calls the cluster of a port that a proxy itself is a client of."""
    return f"outbound|{port.port}||{port.host}"


def _asking(authorizer: Authorizer, call: Json, *, http: bool) -> Json:
    settings = authorizer.provider.settings
    room = "http" if http else "network"
    common: Json = {
        **call,
        "transport_api_version": "V3",
        "failure_mode_allow": bool(settings.get("failOpen")),
        "filter_enabled_metadata": {
            "filter": f"envoy.filters.{room}.rbac",
            "path": [{"key": f"{_PREFIX}shadow_effective_policy_id"}],
            "value": {"string_match": {"prefix": _MATCHED}},
        },
    }
    if not http:
        kind = "extensions.filters.network.ext_authz.v3.ExtAuthz"
        return typed("envoy.filters.network.ext_authz", kind, stat_prefix="tcp.", **common)
    if code := settings.get("statusOnError"):
        common["status_on_error"] = {"code": int(code)}
    if body := settings.get("includeRequestBodyInCheck"):
        common["with_request_body"] = {
            "max_request_bytes": int(body.get("maxRequestBytes", 0)),
            "allow_partial_message": bool(body.get("allowPartialMessage")),
            "pack_as_bytes": bool(body.get("packAsBytes")),
        }
    if settings.get("clearRouteCache"):
        common["clear_route_cache"] = True
    kind = "extensions.filters.http.ext_authz.v3.ExtAuthz"
    return typed("envoy.filters.http.ext_authz", kind, **common)


def _grpc(authorizer: Authorizer) -> Json:
    target = {"cluster_name": cluster_name(authorizer.port), "authority": authorizer.port.host}
    return {"grpc_service": {"envoy_grpc": target, "timeout": _timeout(authorizer.provider.settings)}}


def _http(authorizer: Authorizer) -> Json:
    settings = authorizer.provider.settings
    service: Json = {
        "server_uri": {
            "uri": f"http://{authorizer.port.host}",
            "cluster": cluster_name(authorizer.port),
            "timeout": _timeout(settings),
        },
        "path_prefix": settings.get("pathPrefix") or "",
    }
    if added := settings.get("includeAdditionalHeadersInCheck"):
        headers = [{"key": name, "value": str(value)} for name, value in added.items()]
        service["authorization_request"] = {"headers_to_add": headers}
    answers = {field: _names(settings[name]) for name, field in _ANSWERS.items() if settings.get(name)}
    if answers:
        service["authorization_response"] = answers
    call: Json = {"http_service": service}
    wanted = settings.get("includeRequestHeadersInCheck") or settings.get("includeHeadersInCheck")
    if wanted:
        call["allowed_headers"] = _names(wanted)
    return call


_ANSWERS: Final = {
    "headersToUpstreamOnAllow": "allowed_upstream_headers",
    "headersToDownstreamOnDeny": "allowed_client_headers",
    "headersToDownstreamOnAllow": "allowed_client_headers_on_success",
}


def _names(values: Iterable[str]) -> Json:
    return {"patterns": [pattern(value, ignore_case=True) for value in values]}


def _timeout(settings: Object) -> str:
    return str(settings.get("timeout") or _PATIENCE)
