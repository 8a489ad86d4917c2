"""The HTTP filters that a request passes in a waypoint, in Istio's order.

Upstream: istio/istio pilot/pkg/networking/core/listener_waypoint.go (buildWaypointInboundHTTPFilters).
"""

from __future__ import annotations

from pocketmesh.istio.envoy import rbac
from pocketmesh.istio.envoy.fronts import Front
from pocketmesh.istio.envoy.xds import Json, typed


def http_filters(front: Front) -> list[Json]:
    """The filters for one front; the router is the last."""
    cors = typed("envoy.filters.http.cors", "extensions.filters.http.cors.v3.Cors")
    router = typed("envoy.filters.http.router", "extensions.filters.http.router.v3.Router")
    return [*rbac.filters(front.policies, http=True), cors, router]
