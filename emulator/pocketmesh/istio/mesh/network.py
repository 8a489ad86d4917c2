"""What the network does to a connection before anybody at its end can judge it: drop its packets.

The cluster's network enforces NetworkPolicies below the mesh, so between enrolled pods it sees the tunnel's
port. What ztunnel would learn after ten seconds is said at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from pocketmesh.istio.mesh.decide import Path, named
from pocketmesh.istio.waypoints import HBONE_PORT

Refusal = Callable[[str, str, int], str]
"""Which NetworkPolicies drop what is sent from an address to another's port; empty when it passes."""

_BLOCKED: Final = "connection failed: deadline has elapsed"
_BLOCKED_TUNNEL: Final = (
    "connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008: deadline has elapsed"
)


def as_sent(path: Path, refusal: Refusal) -> Path:
    """The path as far as packets get: where they are dropped, its destination did nothing."""
    destination = path.destination
    if destination is None and path.verdict in {"reset", "refuse"}:
        return path
    enrolled = destination is not None and destination.enrolled
    port = HBONE_PORT if path.tunnelled and (path.waypoint is not None or enrolled) else path.port
    because = refusal(path.connection.source_ip, path.ip, port)
    if not because:
        return path
    there = named(destination) if destination is not None else "outside"
    before = replace(path, hops=tuple(hop for hop in path.hops if not hop.at.endswith(there)))
    error = _BLOCKED_TUNNEL if port == HBONE_PORT else _BLOCKED
    did = f"drops what is sent to {path.ip} port {port}"
    return before.then("network", did, because, verdict="timeout", error=error)
