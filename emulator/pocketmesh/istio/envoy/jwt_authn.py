"""RequestAuthentications as Envoy's filter that validates JSON Web Tokens.

A token must be valid if there is one, and there need be none: that is for AuthorizationPolicies to ask. The
keys always stand in the configuration, because istiod fetches them, not Envoy.
Upstream: istio/istio pilot/pkg/security/authn/policy_applier.go.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Final

from pocketmesh.istio.envoy.xds import JWT_AUTHN, JWT_PAYLOAD, Json, typed
from pocketmesh.istio.mesh.authorization import keys_uri
from pocketmesh.istio.mesh.policy import RequestAuthentication
from pocketmesh.objects import Object

_NUMBER: Final = base64.urlsafe_b64encode(b"Error-IstiodFailedToFetchJwksUri-" * 8).decode()
NO_KEYS: Final = f'{{"keys":[ {{"e":"AQAB","kid":"abc","kty":"RSA","n":"{_NUMBER}"}}]}}'
"""What stands in the place of keys that could not be fetched, as in Istio: no token is valid then. The number
is a text that says so, repeated because Envoy refuses short ones."""
_SPACE_DELIMITED: Final = ("permission", "scope")


def filters(authentications: Iterable[RequestAuthentication], keys: Mapping[str, str]) -> list[Json]:
    """The filter for all of these together, by issuer; none when they name no issuer."""
    rules = sorted(
        (rule for entry in authentications for rule in entry.rules), key=lambda rule: str(rule.get("issuer"))
    )
    if not rules:
        return []
    providers = {f"origins-{index}": _provider(rule, keys) for index, rule in enumerate(rules)}
    requirement = {"match": {"prefix": "/"}, "requires": _requirement(list(providers))}
    kind = "extensions.filters.http.jwt_authn.v3.JwtAuthentication"
    return [typed(JWT_AUTHN, kind, providers=providers, rules=[requirement], bypass_cors_preflight=True)]


def _requirement(names: list[str]) -> Json:
    """Each token that is there must be valid, or at least one of several that are looked for alike."""
    optional = [_any({"provider_name": name}, {"allow_missing": {}}) for name in names]
    if len(names) == 1:
        return optional[0]
    return _any(*({"provider_name": name} for name in names), {"requires_all": {"requirements": optional}})


def _any(*requirements: Json) -> Json:
    return {"requires_any": {"requirements": list(requirements)}}


def _provider(rule: Object, keys: Mapping[str, str]) -> Json:
    claims = [*_SPACE_DELIMITED, *(rule.get("spaceDelimitedClaims") or ())]
    found: Json = {
        "issuer": rule.get("issuer", ""),
        "local_jwks": {"inline_string": rule.get("jwks") or keys.get(keys_uri(rule)) or NO_KEYS},
        "forward": bool(rule.get("forwardOriginalToken")),
        "payload_in_metadata": JWT_PAYLOAD,
        "normalize_payload_in_metadata": {"space_delimited_claims": claims},
        "clear_route_cache": True,
    }
    if audiences := rule.get("audiences"):
        found["audiences"] = audiences
    if header := rule.get("outputPayloadToHeader"):
        found["forward_payload_header"] = header
    if headers := rule.get("fromHeaders"):
        found["from_headers"] = [
            {"name": header["name"], "value_prefix": header.get("prefix", "")} for header in headers
        ]
    if params := rule.get("fromParams"):
        found["from_params"] = params
    if cookies := rule.get("fromCookies"):
        found["from_cookies"] = cookies
    if outputs := rule.get("outputClaimToHeaders"):
        found["claim_to_headers"] = [
            {"header_name": output["header"], "claim_name": output["claim"]} for output in outputs
        ]
    return found
