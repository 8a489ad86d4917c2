"""From what was seen of one request to its way, station by station."""

from __future__ import annotations

from collections.abc import Sequence

from pocketmesh.istio.envoy.fronts import fronts_of
from pocketmesh.istio.mesh.decide import Hop, Path, decide_arrival
from pocketmesh.istio.mesh.model import Mesh
from pocketmesh.istio.observation import Passage
from pocketmesh.istio.trace.requests import explain
from pocketmesh.net.interception import Connection


def story(mesh: Mesh, way: Path, passages: Sequence[Passage]) -> tuple[Hop, ...]:
    """The hops of a connection and of the request in it, as far as it came."""
    hops = list(way.hops)
    for passage in passages:
        hops += _passed(mesh, passage)
    return tuple(hops)


def _passed(mesh: Mesh, passage: Passage) -> list[Hop]:
    record = passage.record
    ip, _, port = record.dialled.rpartition(":")
    fronts = fronts_of(mesh, passage.waypoint)
    front = next((it for it in fronts if ip in it.ips and str(it.port.port) == port), None)
    at = f"waypoint {'/'.join(passage.waypoint)}"
    hops = list(explain(at, record, front.rules, front.guard) if front else explain(at, record))
    if record.upstream:
        ip, _, port = record.upstream.rpartition(":")
        arriving = Connection(passage.pod.ip, 0, ip, int(port))
        hops += decide_arrival(mesh, arriving, passage.pod.identity).hops
    return hops
