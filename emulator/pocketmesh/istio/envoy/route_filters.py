"""What the filters ahead of the router are told by a rule: whom CORS admits, and which faults to make.

Upstream: istio/istio pilot/pkg/networking/core/route/route.go (TranslateCORSPolicy, TranslateFault).
"""

from __future__ import annotations

from typing import Final

from pocketmesh.istio.envoy.matches import string_match
from pocketmesh.istio.envoy.xds import Json, resource, seconds
from pocketmesh.istio.mesh.routing import Cors, Fault, Rule, milliseconds

CORS: Final = "envoy.filters.http.cors"
FAULT: Final = "envoy.filters.http.fault"

_GRPC_STATUSES: Final = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE"),
    *("UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)
"""gRPC's statuses in the order of their numbers (https://grpc.io/docs/guides/status-codes)."""


def per_filter(rule: Rule) -> Json:
    """The field of a route that configures its filters; nothing when there is nothing to tell."""
    found: Json = {}
    if rule.cors is not None:
        found[CORS] = _cors(rule.cors)
    if rule.fault is not None:
        found[FAULT] = _fault(rule.fault)
    return {"typed_per_filter_config": found} if found else {}


def fraction(percent: float) -> Json:
    """A share of requests in percent, as Envoy writes it."""
    return {"numerator": round(percent * 10_000), "denominator": "MILLION"}


def _cors(cors: Cors) -> Json:
    return resource(
        "extensions.filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match=[string_match(origin) for origin in cors.origins],
        allow_methods=",".join(cors.methods),
        allow_headers=",".join(cors.headers),
        expose_headers=",".join(cors.exposed),
        allow_credentials=cors.credentials,
        max_age=str(cors.max_age),
        forward_not_matching_preflights=cors.forward_unmatched,
    )


def _fault(fault: Fault) -> Json:
    found = resource("extensions.filters.http.fault.v3.HTTPFault")
    if fault.delay:
        delay = seconds(milliseconds(fault.delay))
        found["delay"] = {"fixed_delay": delay, "percentage": fraction(fault.delayed)}
    if fault.grpc in _GRPC_STATUSES:
        status: Json = {"grpc_status": _GRPC_STATUSES.index(fault.grpc)}
        found["abort"] = {**status, "percentage": fraction(fault.aborted)}
    elif fault.status:
        found["abort"] = {"http_status": fault.status, "percentage": fraction(fault.aborted)}
    return found
