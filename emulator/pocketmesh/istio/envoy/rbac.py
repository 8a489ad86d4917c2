"""AuthorizationPolicies with targetRefs as filters of Envoy.

All policies of one Service's filter chain are one pool: any DENY refuses, then, if there is an ALLOW,
one of them must admit. AUDIT only leaves a hint for access logs.
Upstream: istio/istio pilot/pkg/security/authz/{builder,model}.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from pocketmesh.istio.envoy import claims
from pocketmesh.istio.envoy.strings import pattern, with_wildcards
from pocketmesh.istio.envoy.xds import PEER_ADDRESS, PEER_PRINCIPAL, Json, typed
from pocketmesh.istio.mesh.authorization import service_account_principal
from pocketmesh.istio.mesh.policy import WaypointPolicy
from pocketmesh.objects import Object

_ANY: Final[Json] = {"any": True}
_NEVER: Final[Json] = {"permissions": [{"not_rule": _ANY}], "principals": [{"not_id": _ANY}]}
_HEADER_KEY: Final = re.compile(r"request\.headers\[(.+)\]")

_ACTIONS: Final = {"AUDIT": "LOG", "DENY": "DENY", "ALLOW": "ALLOW"}
"""Istio's actions, in the order of their filters, with Envoy's."""


def filters(policies: Iterable[WaypointPolicy], *, http: bool) -> list[Json]:
    """The RBAC filters that enforce these policies, DENY before ALLOW; none when there is nothing to do."""
    pool = list(policies)
    found: list[Json] = []
    for action, does in _ACTIONS.items():
        chosen = [policy for policy in pool if policy.action == action]
        if chosen:
            rules = {"action": does, "policies": envoy_policies(chosen, http=http)}
            found.append(rbac_filter(http=http, rules=rules))
    return found


def rbac_filter(*, http: bool, **fields: Any) -> Json:
    """An RBAC filter for requests, or for connections."""
    if http:
        return typed("envoy.filters.http.rbac", "extensions.filters.http.rbac.v3.RBAC", **fields)
    kind = "extensions.filters.network.rbac.v3.RBAC"
    return typed("envoy.filters.network.rbac", kind, stat_prefix="tcp.", **fields)


def envoy_policies(
    policies: Iterable[WaypointPolicy], *, http: bool, before: str = "", after: str = ""
) -> Json:
    """The policies of an RBAC filter, a rule each; `before` and `after` go round Istio's names for them."""
    found: Json = {}
    for policy in policies:
        name = f"{before}ns[{policy.namespace}]-policy[{policy.name}]-rule"
        if not policy.rules:
            found[f"{name}[0]{after}"] = _NEVER
        for index, rule in enumerate(policy.rules):
            found[f"{name}[{index}]{after}"] = _rule(rule, policy, http=http) or _NEVER
    return found


def _rule(rule: Object, policy: WaypointPolicy, *, http: bool) -> Json | None:
    """One rule; None when it speaks of requests, is to allow, and there are only connections."""
    principals: list[Json] = []
    permissions: list[Json] = []
    lost = False
    if sources := rule.get("from"):
        made = [_source(entry.get("source") or {}, policy.namespace, http=http) for entry in sources]
        lost |= any(part is None for part in made)
        principals.append({"or_ids": {"ids": [part or _ANY for part in made]}})
    if operations := rule.get("to"):
        made = [_operation(entry.get("operation") or {}, http=http) for entry in operations]
        lost |= any(part is None for part in made)
        permissions.append({"or_rules": {"rules": [part or _ANY for part in made]}})
    for condition in rule.get("when") or []:
        if not http and condition["key"].startswith("request."):
            lost = True
        else:
            _condition(condition, policy.namespace, principals, permissions)
    if lost and policy.action == "ALLOW":
        return None
    return {
        "permissions": [{"and_rules": {"rules": permissions}} if permissions else _ANY],
        "principals": [{"and_ids": {"ids": principals}} if principals else _ANY],
    }


def _source(source: Object, namespace: str, *, http: bool) -> Json | None:
    terms: list[Json] = []
    l7 = False
    for name, values in source.items():
        negated = name.startswith("not")
        plain = name[3].lower() + name[4:] if negated else name
        if plain == "requestPrincipals" and not http:
            l7 = True
            continue
        make = _SOURCE.get(plain)
        if make is not None and values:
            either = {"or_ids": {"ids": [make(value, namespace) for value in values]}}
            terms.append({"not_id": either} if negated else either)
    if not terms:
        return None if l7 else _ANY
    return None if l7 and not http else {"and_ids": {"ids": terms}}


def _operation(operation: Object, *, http: bool) -> Json | None:
    terms: list[Json] = []
    l7 = False
    for name, values in operation.items():
        negated = name.startswith("not")
        plain = name[3].lower() + name[4:] if negated else name
        if plain != "ports" and not http:
            l7 = True
            continue
        make = _OPERATION.get(plain)
        if make is not None and values:
            either = {"or_rules": {"rules": [make(str(value)) for value in values]}}
            terms.append({"not_rule": either} if negated else either)
    if l7:
        return None
    return {"and_rules": {"rules": terms}} if terms else _ANY


def _condition(condition: Object, namespace: str, principals: list[Json], permissions: list[Json]) -> None:
    key = condition["key"]
    header = _HEADER_KEY.fullmatch(key)
    for field, negated in (("values", False), ("notValues", True)):
        values = condition.get(field)
        if not values:
            continue
        if header:
            ids = [{"header": _header(header.group(1), value)} for value in values]
        elif key in _DESTINATION:
            rules = {"or_rules": {"rules": [_DESTINATION[key](value) for value in values]}}
            permissions.append({"not_rule": rules} if negated else rules)
            continue
        elif key.startswith("request.auth."):
            ids = [claims.matches(key, value) for value in values]
        else:
            make = _SOURCE.get(_WHEN.get(key, ""), _unknown)
            ids = [make(value, namespace) for value in values]
        principals.append({"not_id": {"or_ids": {"ids": ids}}} if negated else {"or_ids": {"ids": ids}})


def _principal(value: str, _namespace: str) -> Json:
    if value == "*":
        return _peer({"safe_regex": {"regex": ".+"}})
    if value.startswith("*"):
        return _peer({"suffix": value[1:]})
    spelled = f"spiffe://{value.removesuffix('*')}"
    return _peer({"prefix": spelled} if value.endswith("*") else {"exact": spelled})


def _service_account(value: str, namespace: str) -> Json:
    return _principal(service_account_principal(value, namespace), namespace)


def _namespace(value: str, _namespace: str) -> Json:
    return _peer({"safe_regex": {"regex": f".*/ns/{with_wildcards(value)}/.*"}})


def _peer(match: Json) -> Json:
    return {"filter_state": {"key": PEER_PRINCIPAL, "string_match": match}}


def _direct_ip(value: str, _namespace: str) -> Json:
    return {"filter_state": {"key": PEER_ADDRESS, "address_match": {"ranges": [_cidr(value)]}}}


def _remote_ip(value: str, _namespace: str) -> Json:
    return {"remote_ip": _cidr(value)}


def _unknown(_value: str, _namespace: str) -> Json:
    return {"not_id": _ANY}


def _request_principal(value: str, _namespace: str) -> Json:
    return claims.principal(value)


def _trust_domain(value: str, _namespace: str) -> Json:
    return _peer({"safe_regex": {"regex": f"spiffe://{with_wildcards(value)}/.*"}})


def _header(name: str, value: str, **more: bool) -> Json:
    if value == "*":
        return {"name": name, "present_match": True}
    return {"name": name, "string_match": {**pattern(value), **more}}


def _path(value: str) -> Json:
    if "{*}" in value or "{**}" in value:
        template = value.replace("{*}", "*").replace("{**}", "**")
        kind = "extensions.path.match.uri_template.v3.UriTemplateMatchConfig"
        return {"uri_template": typed("uri-template", kind, path_template=template)}
    return {"url_path": {"path": pattern(value)}}


def _cidr(value: str) -> Json:
    address, _, length = value.partition("/")
    return {"address_prefix": address, "prefix_len": int(length) if length else 32}


_SOURCE: Final[dict[str, Callable[[str, str], Json]]] = {
    "principals": _principal,
    "serviceAccounts": _service_account,
    "namespaces": _namespace,
    "ipBlocks": _direct_ip,
    "remoteIpBlocks": _remote_ip,
    "requestPrincipals": _request_principal,
    "trustDomains": _trust_domain,
}
_WHEN: Final = {
    "source.ip": "ipBlocks",
    "remote.ip": "remoteIpBlocks",
    "source.namespace": "namespaces",
    "source.principal": "principals",
    "source.serviceAccount": "serviceAccounts",
}
_OPERATION: Final[dict[str, Callable[[str], Json]]] = {
    "hosts": lambda value: {"header": _header(":authority", value, ignore_case=True)},
    "methods": lambda value: {"header": _header(":method", value)},
    "paths": _path,
    "ports": lambda value: {"destination_port": int(value)},
}
_DESTINATION: Final[dict[str, Callable[[str], Json]]] = {
    "destination.ip": lambda value: {"destination_ip": _cidr(value)},
    "destination.port": lambda value: {"destination_port": int(value)},
    "connection.sni": lambda value: {"requested_server_name": pattern(value)},
}
