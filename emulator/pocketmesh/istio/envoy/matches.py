"""What a rule matches, as Envoy's matcher of requests.

Upstream: istio/istio pilot/pkg/networking/core/route/route.go (TranslateRouteMatch).
"""

from __future__ import annotations

from pocketmesh.istio.envoy.claims import claim_match, routed
from pocketmesh.istio.envoy.xds import Json
from pocketmesh.istio.mesh.routing import Match, ValueMatch


def route_match(match: Match) -> Json:
    """The matcher of a route."""
    found: Json = {}
    match match.path_type:
        case "Exact":
            found["path"] = match.path
        case "RegularExpression":
            found["safe_regex"] = {"regex": match.path}
        case "Prefix":
            found["prefix"] = match.path
        case "PathPrefix":
            prefix = match.path.rstrip("/")
            found.update({"path_separated_prefix": prefix} if prefix else {"prefix": "/"})
    if match.any_case and match.path_type != "RegularExpression":
        found["case_sensitive"] = False
    headers = [_header(entry) for entry in match.headers if not routed(entry.name)]
    if of_tokens := [_claim(entry) for entry in match.headers if routed(entry.name)]:
        found["dynamic_metadata"] = of_tokens
    if match.method:
        headers.append({"name": ":method", "string_match": {"exact": match.method}})
    if headers:
        found["headers"] = headers
    if match.query:
        found["query_parameters"] = [{"name": entry.name, **value_match(entry)} for entry in match.query]
    return found


def value_match(entry: ValueMatch) -> Json:
    """What a header or a query parameter must be."""
    return {"present_match": True} if entry.how == "Present" else {"string_match": string_match(entry)}


def string_match(entry: ValueMatch) -> Json:
    """What a text must be."""
    match entry.how:
        case "Exact":
            return {"exact": entry.value}
        case "Prefix":
            return {"prefix": entry.value}
        case "RegularExpression":
            return {"safe_regex": {"regex": entry.value}}
        case "Present":
            return {"safe_regex": {"regex": ".*"}}


def _claim(entry: ValueMatch) -> Json:
    found = claim_match(routed(entry.name), string_match(entry))
    return {**found, "invert": True} if entry.inverted else found


def _header(entry: ValueMatch) -> Json:
    found = {"name": entry.name, **value_match(entry)}
    if entry.inverted:
        found["invert_match"] = True
        if entry.how != "Present":
            # Or a request without the header would not match either.
            found["treat_missing_header_as_empty"] = True
    return found
