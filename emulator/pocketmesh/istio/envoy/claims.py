"""The claims of a validated token, as rules of an RBAC filter and routes ask for them.

The filter that validates tokens leaves the payload in the request's metadata; without a valid token there is
none, and nothing matches. Upstream: istio/istio pilot/pkg/security/authz/{model,matcher}.
"""

from __future__ import annotations

import re
from typing import Final

from pocketmesh.istio.envoy.strings import pattern
from pocketmesh.istio.envoy.xds import JWT_AUTHN, JWT_PAYLOAD, Json

_CLAIM: Final = re.compile(r"\[([^\[\]]+)\]")
_ROUTED: Final = "@request.auth.claims"
_REGISTERED: Final = {"request.auth.audiences": "aud", "request.auth.presenter": "azp"}


def matches(key: str, value: str) -> Json:
    """A principal for one value of a condition's key: `request.auth.principal`, `…audiences`,
    `…presenter` or `…claims[name]`, nested `…claims[a][b]`."""
    if key == "request.auth.principal":
        return principal(value)
    path = [_REGISTERED[key]] if key in _REGISTERED else _CLAIM.findall(key)
    return _claim(path, pattern(value))


def principal(value: str) -> Json:
    """A principal for ISSUER/SUBJECT, in which one end may be a wildcard; the issuer may be a URL."""
    issuer, slash, subject = value.rpartition("/")
    if not slash and value.startswith("*"):
        issuer, subject = "*", value
    elif not slash:
        issuer, subject = value, "*" if value.endswith("*") else ""
    return {"and_ids": {"ids": [_claim(["iss"], pattern(issuer)), _claim(["sub"], pattern(subject))]}}


def routed(name: str) -> list[str]:
    """The claim that a route's header of this name stands for: `@request.auth.claims.a.b`, or in brackets;
    empty when it is a header."""
    if not name.lower().startswith(_ROUTED):
        return []
    rest = name[len(_ROUTED) :]
    return _CLAIM.findall(rest) if rest.startswith("[") else [part for part in rest.split(".") if part]


def claim_match(path: list[str], match: Json) -> Json:
    """A matcher of metadata: a claim that is a string, or a list with such a string."""
    text = {"string_match": match}
    either = {"or_match": {"value_matchers": [{"list_match": {"one_of": text}}, text]}}
    keys = [{"key": key} for key in (JWT_PAYLOAD, *path)]
    return {"filter": JWT_AUTHN, "path": keys, "value": either}


def _claim(path: list[str], match: Json) -> Json:
    return {"metadata": claim_match(path, match)}
