"""What ztunnel's metrics say of a connection (istio/ztunnel src/proxy/metrics.rs)."""

from __future__ import annotations

from typing import Final

from pocketmesh.istio.telemetry.connections import MUTUAL_TLS, PLAIN
from pocketmesh.istio.telemetry.labels import peer, service
from pocketmesh.istio.ztunnel.accesslog import Access

_REPORTERS: Final = {"outbound": "source", "inbound": "destination"}


def labels(access: Access) -> dict[str, str]:
    """The labels of a connection as one of its ends sees it."""
    return {
        "reporter": _REPORTERS[access.direction],
        **peer("source", access.source_workload, access.source_identity),
        **peer("destination", access.destination_workload, access.destination_identity),
        **service(access.service, access.service_namespace),
        "request_protocol": "tcp",
        "connection_security_policy": MUTUAL_TLS if access.hbone else PLAIN,
    }


def flags(error: str) -> str:
    """The response flag of a connection that failed for this reason; empty when it did not."""
    if not error:
        return ""
    if "NetworkPolicy" in error:
        return "NETWORK_POLICY"
    return "DENY" if "policy" in error or "401" in error else "CONNECT"
