"""Policies: AuthorizationPolicy and RequestAuthentication."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pocketmesh.objects import Object

_NEVER: Final = (
    "{} action without `rules` is meaningless as it will never be triggered, "
    "add an empty rule `{{}}` if you want it be triggered for every request"
)
_KEYS: Final = frozenset(
    (
        *("source.ip", "remote.ip", "source.namespace", "source.principal", "source.serviceAccount"),
        *("request.auth.principal", "request.auth.audiences", "request.auth.presenter"),
        *("destination.ip", "destination.port", "connection.sni"),
    )
)
_KEY_HEADS: Final = ("request.headers[", "request.auth.claims[", "experimental.envoy.filters.")
_NOT_CUSTOM: Final = {
    "namespaces": "From.Namespaces",
    "notNamespaces": "From.NotNamespaces",
    "principals": "From.Principals",
    "notPrincipals": "From.NotPrincipals",
    "requestPrincipals": "From.RequestPrincipals",
    "notRequestPrincipals": "From.NotRequestPrincipals",
}


def authorization_policy(spec: Object) -> Iterator[str]:
    """Rules that can never apply, or mean nothing."""
    action, rules = spec.get("action") or "ALLOW", spec.get("rules") or []
    provider = spec.get("provider")
    if action in ("DENY", "CUSTOM") and not rules:
        yield _NEVER.format(action)
    if action == "CUSTOM":
        if rules and not (provider or {}).get("name"):
            yield "`provider.name` must not be empty"
        yield from _unsupported_by_custom(rules)
    elif provider is not None:
        yield f"`provider` must not be with non CUSTOM action, found {action}"
    for rule in rules:
        yield from _rule(rule)


def request_authentication(spec: Object) -> Iterator[str]:
    """Issuers of tokens that cannot be told or checked."""
    for rule in spec.get("jwtRules") or []:
        if not rule.get("issuer"):
            yield "issuer must be set"


def _rule(rule: Object) -> Iterator[str]:
    for origin in rule.get("from") or []:
        if not any((origin.get("source") or {}).values()):
            yield "`from.source` must not be empty"
    for target in rule.get("to") or []:
        if not any((target.get("operation") or {}).values()):
            yield "`to.operation` must not be empty"
    for condition in rule.get("when") or []:
        key = condition.get("key", "")
        if not key:
            yield "`key` cannot be empty"
        elif key not in _KEYS and not key.startswith(_KEY_HEADS):
            yield f"unknown attribute: {key}"
        elif not condition.get("values") and not condition.get("notValues"):
            yield f"at least one of `values` or `notValues` should be set for key: {key}"


def _unsupported_by_custom(rules: list[Object]) -> Iterator[str]:
    for rule in rules:
        for origin in rule.get("from") or []:
            for field, name in _NOT_CUSTOM.items():
                if (origin.get("source") or {}).get(field):
                    yield f"{name} is currently not supported with CUSTOM action"
        for condition in rule.get("when") or []:
            key = condition.get("key", "")
            if key in ("source.namespace", "source.principal") or key.startswith("request.auth."):
                yield f"{key} is currently not supported with CUSTOM action"
