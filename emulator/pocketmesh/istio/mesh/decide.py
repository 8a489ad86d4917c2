"""What happens to one connection, and because of which object: the second pure step.

ztunnel acts on the answer and nothing else, so what is explained is what is done. Requests inside the
connection are the waypoint's Envoy's business and not decided here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pocketmesh.istio.mesh.model import Mesh, Workload
from pocketmesh.istio.mesh.mutual_tls import demanding, mtls_policy
from pocketmesh.istio.mesh.policy import NONE_ALLOWED, Judgement, Peer, judge
from pocketmesh.net.interception import Connection
from pocketmesh.net.services import Endpoint, Place, ServicePort, host_of

Verdict = Literal["deliver", "waypoint", "reset", "refuse", "timeout", "unreachable"]
"""`waypoint` means handed to the waypoint, which decides about each request; `reset` is seen by the
client as a connection that was accepted and then broken off."""

Choose = Callable[[Sequence[Endpoint]], Endpoint]


@dataclass(frozen=True, slots=True)
class Hop:
    """One station: who (`ztunnel of ns/pod`), what it did, and the object or rule behind it."""

    at: str
    did: str
    because: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """The way of a connection.

    `ip` and `port` are where it ends: at a pod, or at a waypoint's pod, which then knows what was
    dialled. `tunnelled` means HBONE between ztunnels, `error` is what the last of them logs.
    """

    connection: Connection
    verdict: Verdict = "deliver"
    hops: tuple[Hop, ...] = ()
    source: Workload | None = None
    destination: Workload | None = None
    service: ServicePort | None = None
    waypoint: Place | None = None
    ip: str = ""
    port: int = 0
    tunnelled: bool = False
    error: str = ""

    def then(self, at: str, did: str, because: str = "", **changes: object) -> Path:
        """The path one hop further."""
        return replace(self, hops=(*self.hops, Hop(at, did, because)), **changes)  # type: ignore[arg-type]


def decide(mesh: Mesh, connection: Connection, choose: Choose = random.choice) -> Path:
    """The way of a connection that a client dials; `choose` picks among ready endpoints."""
    source = mesh.workloads.get(connection.source_ip)
    path = Path(connection, source=source, ip=connection.ip, port=connection.port)
    if source is None or not source.enrolled:
        return _plain(mesh, path, choose)
    return _captured(mesh, path, source, choose)


def decide_arrival(mesh: Mesh, connection: Connection, identity: str = "") -> Path:
    """The way of a connection that reaches a pod's address; `identity` is the peer's if it was tunnelled."""
    path = Path(
        connection,
        source=mesh.workloads.get(connection.source_ip),
        ip=connection.ip,
        port=connection.port,
        tunnelled=bool(identity),
    )
    return _arriving(mesh, path, identity)


def admission(mesh: Mesh, destination: Workload, peer: Peer, port: int) -> Judgement:
    """Whether a workload's ztunnel admits a peer."""
    tls = mtls_policy(mesh.peer_authentications, destination.namespace, destination.labels)
    return judge(
        [tls, *mesh.l4_policies] if tls else mesh.l4_policies,
        peer,
        namespace=destination.namespace,
        labels=destination.labels,
        ip=destination.ip,
        port=port,
    )


def _plain(mesh: Mesh, path: Path, choose: Choose) -> Path:
    port = mesh.services.at(path.ip, path.port)
    service = port.service if port else mesh.services.addresses.get(path.ip)
    if service is None or service in mesh.entries:
        return _arriving(mesh, path, "")
    shown, address = _service(mesh, service), f"{path.ip}:{path.port}"
    if port is None:
        return path.then("kube-proxy", f"has no rule for {address}", shown, verdict="timeout")
    path = replace(path, service=port)
    if not port.ready:
        return path.then("kube-proxy", "rejects: no ready endpoint", shown, verdict="refuse")
    chosen = choose(port.ready)
    did = f"translates {address} to {chosen.ip}:{chosen.port}"
    return _arriving(mesh, path.then("kube-proxy", did, shown, ip=chosen.ip, port=chosen.port), "")


def _captured(mesh: Mesh, path: Path, source: Workload, choose: Choose) -> Path:
    at = f"ztunnel of {named(source)}"
    service = mesh.services.addresses.get(path.ip)
    address = f"{path.ip}:{path.port}"
    if mesh.services.at(path.ip, path.port) and service is None:
        did = "passes it on: a port of the node, which it knows nothing of"
        return _plain(mesh, path.then(at, did), choose)
    if service is None:
        return _to_pod(mesh, path.then(at, f"captures the connection to {address}"), source, at, choose)
    shown = _service(mesh, service)
    port = mesh.services.port(service, path.port)
    path = path.then(at, f"captures the connection to {address}", shown, service=port)
    if port is None:
        error = f"no service for target address: {address}"
        return path.then(at, "breaks off: no such port", shown, verdict="reset", error=error)
    if (waypoint := mesh.waypoint_of(service)) is not None:
        because = mesh.bindings[service].message
        return _to_waypoint(mesh, path, waypoint, at, because, choose)
    # Which host behind a wildcard is meant only a waypoint can see.
    if not port.ready or (port.by_host and port.host.startswith("*")):
        error = f"no healthy upstream: {address}"
        return path.then(at, "breaks off: no ready endpoint", shown, verdict="reset", error=error)
    # Where a ServiceEntry resolves nothing, what was dialled is the endpoint.
    chosen = choose([endpoint for endpoint in port.ready if endpoint.ip == path.ip] or port.ready)
    did = f"chooses the endpoint {chosen.ip}:{chosen.port}"
    path = path.then(at, did, shown, ip=chosen.ip, port=chosen.port)
    return _tunnelled(mesh, path, source)


def _to_pod(mesh: Mesh, path: Path, source: Workload, at: str, choose: Choose) -> Path:
    destination = mesh.workloads.get(path.ip)
    if destination is None:
        verdict: Verdict = "deliver" if path.ip in mesh.world.names.values() else "unreachable"
        return path.then(at, "passes it on: not an address of the mesh", verdict=verdict)
    if destination.waypoint is not None:
        because = f"{named(destination)} uses waypoint {'/'.join(destination.waypoint)}"
        return _to_waypoint(mesh, path, destination.waypoint, at, because, choose)
    return _tunnelled(mesh, path, source)


def _to_waypoint(mesh: Mesh, path: Path, waypoint: Place, at: str, because: str, choose: Choose) -> Path:
    instances = mesh.instances(waypoint)
    if not instances:
        error = f"unknown waypoint: {host_of(waypoint)}"
        did = "breaks off: the waypoint has no ready pod"
        return path.then(at, did, because, waypoint=waypoint, verdict="reset", error=error)
    chosen = choose([Endpoint(ip, 15008) for ip in instances])
    did = f"sends it to waypoint {'/'.join(waypoint)} at {chosen.ip}"
    return path.then(
        at,
        did,
        because,
        waypoint=waypoint,
        verdict="waypoint",
        ip=chosen.ip,
        port=chosen.port,
        destination=mesh.workloads.get(chosen.ip),
        tunnelled=True,
    )


def _tunnelled(mesh: Mesh, path: Path, source: Workload) -> Path:
    destination = mesh.workloads.get(path.ip)
    if destination is None or not destination.enrolled:
        return replace(path, destination=destination)
    return _arriving(mesh, replace(path, tunnelled=True), source.identity)


def _arriving(mesh: Mesh, path: Path, identity: str) -> Path:
    destination = mesh.workloads.get(path.ip)
    if destination is None and path.ip in mesh.world.names.values():
        return path.then("outside", f"takes the connection on port {path.port}")
    if destination is None:
        return path.then("network", f"nobody has the address {path.ip}", verdict="unreachable")
    path = replace(path, destination=destination)
    if not destination.enrolled:
        return path.then(named(destination), f"takes the connection on port {path.port}")
    judgement = admission(mesh, destination, Peer(path.connection.source_ip, identity), path.port)
    at = f"ztunnel of {named(destination)}"
    who = identity or "plain text"
    if judgement.admitted:
        because = f"AuthorizationPolicy {judgement.policy}" if judgement.policy else "no policy"
        return path.then(at, f"admits {who}", because)
    why, because = _refusal(mesh, destination, judgement)
    did = f"refuses {who} at port {path.port}: {why}"
    return path.then(at, did, because, verdict="reset", error=judgement.error)


def _refusal(mesh: Mesh, destination: Workload, judgement: Judgement) -> tuple[str, str]:
    """Why a connection was refused, and the object behind that, by the name under which it was written."""
    protected = mesh.peer_authentications, destination.namespace, destination.labels
    if judgement.error == NONE_ALLOWED:
        return "there are ALLOW policies and none admits", f"AuthorizationPolicy {judgement.policy}"
    if (tls := mtls_policy(*protected)) and judgement.policy == tls.shown:
        return "mutual TLS is demanded", f"PeerAuthentication {demanding(*protected)}"
    return "denied", f"AuthorizationPolicy {judgement.policy}"


def named(workload: Workload) -> str:
    """What hops call a workload."""
    return f"Pod {workload.namespace}/{workload.name}"


def _service(mesh: Mesh, service: Place) -> str:
    kind, namespace, name = mesh.object_of(service)
    return f"{kind} {namespace}/{name}"
