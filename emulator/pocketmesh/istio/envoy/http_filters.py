"""The HTTP filters that a request passes in a waypoint, in Istio's order.

Upstream: istio/istio pilot/pkg/networking/core/listener_waypoint.go (buildWaypointInboundHTTPFilters).
"""

from __future__ import annotations

from pocketmesh.istio.envoy import ext_authz, jwt_authn, rbac
from pocketmesh.istio.envoy.plugins import plugin_filters
from pocketmesh.istio.envoy.route_filters import CORS, FAULT
from pocketmesh.istio.envoy.xds import Json, typed
from pocketmesh.istio.mesh.guards import Guard
from pocketmesh.istio.mesh.plugins import Plugin


def http_filters(guard: Guard, plugins: tuple[Plugin, ...] = ()) -> list[Json]:
    """The filters for what is guarded like this, with plugins among them; the router is the last."""
    fault = typed(FAULT, "extensions.filters.http.fault.v3.HTTPFault")
    cors = typed(CORS, "extensions.filters.http.cors.v3.Cors")
    router = typed("envoy.filters.http.router", "extensions.filters.http.router.v3.Router")
    return [
        *ext_authz.filters(guard, http=True),
        *plugin_filters(plugins, "AUTHN"),
        *jwt_authn.filters(guard.authentications, guard.keys),
        *plugin_filters(plugins, "AUTHZ"),
        *rbac.filters(guard.policies, http=True),
        fault,
        cors,
        *plugin_filters(plugins, "STATS"),
        *plugin_filters(plugins, ""),
        router,
    ]


def tcp_filters(guard: Guard) -> list[Json]:
    """The filters for connections that are no requests."""
    return [*ext_authz.filters(guard, http=False), *rbac.filters(guard.policies, http=False)]
