"""Endpoints that follow from the host which each request names: ServiceEntries with resolution DYNAMIC_DNS.

Istio has Envoy look the name up. There is nobody to ask here but the mesh itself, so the endpoints of every
name that there is are told beforehand, and the request's host chooses among them.
"""

from __future__ import annotations

from typing import Final

from pocketmesh.istio.envoy.xds import Json, typed
from pocketmesh.net.services import Endpoint, ServicePort

_KEY: Final = "host"
_WITHOUT_PORT: Final = {"pattern": {"regex": r"^([^:]+)(?::\d+)?$"}, "substitution": r"\1"}


def filters(port: ServicePort) -> list[Json]:
    """The HTTP filter that notes a request's host for the choice of an endpoint, where it counts."""
    if not port.by_host:
        return []
    noted = {"metadata_namespace": "envoy.lb", "key": _KEY, "regex_value_rewrite": _WITHOUT_PORT}
    rule = {"header": ":authority", "on_header_present": noted}
    name = "envoy.filters.http.header_to_metadata"
    return [typed(name, "extensions.filters.http.header_to_metadata.v3.Config", request_rules=[rule])]


def cluster_fields(port: ServicePort) -> Json:
    """What a cluster needs for that choice. A host without an endpoint has none at all."""
    if not port.by_host:
        return {}
    return {"lb_subset_config": {"fallback_policy": "NO_FALLBACK", "subset_selectors": [{"keys": [_KEY]}]}}


def metadata(port: ServicePort, endpoint: Endpoint) -> Json:
    """What tells an endpoint's host."""
    return {"envoy.lb": {_KEY: endpoint.hostname}} if port.by_host else {}
