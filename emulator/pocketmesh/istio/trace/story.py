"""From what was seen of one request to its way, station by station."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pocketmesh.istio.envoy.fronts import fronts_of
from pocketmesh.istio.mesh.decide import Hop, Path, decide_arrival
from pocketmesh.istio.mesh.gateways import Listener
from pocketmesh.istio.mesh.guards import gateway_guard
from pocketmesh.istio.mesh.model import Mesh
from pocketmesh.istio.mesh.routing import Rule
from pocketmesh.istio.observation import Passage
from pocketmesh.istio.trace.requests import explain, waited
from pocketmesh.net.interception import Connection


def story(
    mesh: Mesh, way: Path, passages: Sequence[Passage], sent: Callable[[Path], Path]
) -> tuple[Hop, ...]:
    """The hops of a connection and of the request in it, as far as it came; `sent` is the network's part."""
    hops = list(way.hops)
    for passage in passages:
        hops += _passed(mesh, passage, sent)
    return tuple(hops)


def _passed(mesh: Mesh, passage: Passage, sent: Callable[[Path], Path]) -> list[Hop]:
    record, pod = passage.record, passage.pod
    place = "/".join(passage.waypoint)
    if passage.kind == "router":
        labels = pod.labels
        rules = [rule for listener in mesh.gateways.get(passage.waypoint, ()) for rule in _rules(listener)]
        hops = explain(f"Gateway {place}", record, rules, gateway_guard(mesh, passage.waypoint, labels))
    else:
        ip, _, port = record.dialled.rpartition(":")
        fronts = fronts_of(mesh, passage.waypoint)
        front = next((it for it in fronts if ip in it.ips and str(it.port.port) == port), None)
        known = (front.rules, front.guard) if front else ()
        hops = explain(f"waypoint {place}", record, *known)
    ip, _, port = record.upstream.rpartition(":")
    if not ip or ip in mesh.services.addresses:
        return list(hops)
    arrival = decide_arrival(mesh, Connection(pod.ip, 0, ip, int(port)), pod.identity)
    sending, ending = (hops[:-1], hops[-1:]) if waited(record) else (hops, ())
    return [*sending, *sent(arrival).hops, *ending]


def _rules(listener: Listener) -> Iterator[Rule]:
    for rules in listener.rules.values():
        yield from rules
