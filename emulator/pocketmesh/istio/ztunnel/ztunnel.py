"""The node's ztunnel: it takes the connections of enrolled pods and does what `decide` says of them.

It decides nothing itself. What it adds are identities, the relay to waypoints, the way a refusal looks
to a client, and the access log.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pocketmesh.clock import Clock
from pocketmesh.istio.envoy.preface import preface
from pocketmesh.istio.mesh.decide import Path as Way
from pocketmesh.istio.mesh.decide import admission, decide, decide_arrival
from pocketmesh.istio.mesh.model import Mesh, Workload
from pocketmesh.istio.mesh.network import as_sent
from pocketmesh.istio.mesh.policy import Peer
from pocketmesh.istio.telemetry.connections import ConnectionMetrics
from pocketmesh.istio.telemetry.labels import Labels
from pocketmesh.istio.waypoints import HBONE_PORT
from pocketmesh.istio.ztunnel.accesslog import Access, Direction, line
from pocketmesh.istio.ztunnel.config_dump import OpenConnection
from pocketmesh.istio.ztunnel.meter import Meter
from pocketmesh.istio.ztunnel.metrics import flags, labels
from pocketmesh.istio.ztunnel.reset import reset
from pocketmesh.net.fabric import Fabric
from pocketmesh.net.interception import Connection, Taking
from pocketmesh.net.relay import relay
from pocketmesh.node.network import NODE_ADDRESS

POLICY_CHANGE = "connection closed due to policy change"
_REFUSED_TUNNEL = "http status: 401 Unauthorized"


@dataclass(eq=False)
class _Open:
    """A connection that goes on, with what is needed to judge and to end it again."""

    way: Way
    identity: str
    abort: Callable[[], None]
    error: str = ""


class Ztunnel:
    """One running ztunnel. `mesh` and `pipe` are asked for each connection: the mesh as it is then, and
    the socket of a waypoint's pod by its address, or an OSError. `observe` is told of each connection that is
    dialled."""

    def __init__(
        self,
        fabric: Fabric,
        clock: Clock,
        mesh: Callable[[], Mesh],
        pipe: Callable[[str], Awaitable[Path]],
        log: Callable[[bytes], None],
        observe: Callable[[Way], None] = lambda way: None,
    ) -> None:
        self._fabric = fabric
        self._clock = clock
        self._mesh = mesh
        self._pipe = pipe
        self._log = log
        self._observe = observe
        self.metrics = ConnectionMetrics()
        self._open: set[_Open] = set()

    def outbound(self, connection: Connection) -> Taking | None:
        """Takes what an enrolled pod dials."""
        source = self._mesh().workloads.get(connection.source_ip)
        if source is None or not source.enrolled:
            return None

        async def take(far: socket.socket) -> None:
            way = self._sent(decide(self._mesh(), connection))
            self._observe(way)
            await self._outbound(far, way, source)

        return take

    def inbound(self, connection: Connection) -> Taking | None:
        """Takes what reaches an enrolled pod in plain text; the node's own probes pass untouched."""
        mesh = self._mesh()
        destination = mesh.workloads.get(connection.ip)
        if destination is None or not destination.enrolled or connection.source_ip == NODE_ADDRESS:
            return None

        async def take(far: socket.socket) -> None:
            way = decide_arrival(mesh, connection)
            await self._deliver(far, way, [self._entry(way, "inbound", "")])

        return take

    def from_waypoint(self, waypoint: Workload, ip: str, port: int) -> asyncio.Protocol:
        """The protocol for a connection that a waypoint's Envoy makes to a pod's port."""
        connection = Connection(waypoint.ip, 0, ip, port)
        way = self._sent(decide_arrival(self._mesh(), connection, waypoint.identity))
        if way.verdict == "timeout":
            return Closed()
        enrolled = way.destination is not None and way.destination.enrolled
        entries = [self._entry(way, "inbound", waypoint.identity)] if enrolled else []
        return self._application(way, waypoint.identity, entries) or Closed()

    def connections(self) -> list[OpenConnection]:
        """What goes on now, once for each end that it stands in for."""
        return [connection for entry in self._open for connection in _ends(entry)]

    def recheck(self) -> None:
        """Ends the open connections that policies do not admit any more."""
        mesh = self._mesh()
        for entry in list(self._open):
            if (way := self._sent(entry.way)).verdict == "timeout":
                entry.error = way.error
                entry.abort()
                continue
            destination = entry.way.destination
            if destination is None or entry.way.waypoint is not None or not destination.enrolled:
                continue
            current = mesh.workloads.get(destination.ip)
            peer = Peer(entry.way.connection.source_ip, entry.identity)
            if current and not admission(mesh, current, peer, entry.way.port).admitted:
                entry.error = POLICY_CHANGE
                entry.abort()

    def close(self) -> None:
        """Ends all connections that go through it."""
        for entry in list(self._open):
            entry.abort()

    async def _outbound(self, far: socket.socket, way: Way, source: Workload) -> None:
        identity = source.identity if way.tunnelled else ""
        outbound = self._entry(way, "outbound", identity)
        if way.verdict == "timeout":
            self._write(outbound, 0, 0, way.error)
            await reset(far)
            return
        if way.verdict == "waypoint":
            await self._to_waypoint(far, way, source, outbound)
            return
        entries = [outbound]
        if way.destination is not None and way.destination.enrolled:
            entries.append(self._entry(way, "inbound", identity))
        await self._deliver(far, way, entries)

    def _sent(self, way: Way) -> Way:
        return as_sent(way, self._fabric.refusal)

    async def _to_waypoint(self, far: socket.socket, way: Way, source: Workload, entry: _Entry) -> None:
        opened = _Open(way, source.identity, abort=lambda: None)

        def ended(sent: int, received: int) -> None:
            self._open.discard(opened)
            self._write(entry, sent, received, opened.error)

        try:
            pipe = await self._pipe(way.ip)
            opened.abort = await relay(far, pipe, preface(way.connection, source.identity), ended)
        except OSError as error:
            self._write(entry, 0, 0, f"connection failed: {error}")
            await reset(far)
            return
        self._open.add(opened)

    async def _deliver(self, far: socket.socket, way: Way, entries: list[_Entry]) -> None:
        protocol = self._application(way, entries[0].identity, entries)
        if protocol is None:
            await reset(far)
            return
        await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, far)

    def _application(self, way: Way, identity: str, entries: list[_Entry]) -> asyncio.Protocol | None:
        """The listener's protocol with the connection's end written to the log; None for a refusal,
        which is written at once."""
        if way.verdict == "reset":
            self._refuse(entries, way.error)
            return None
        try:
            factory = self._fabric.factory_at(way.ip, way.port)
        except OSError as error:
            for entry in entries:
                self._write(entry, 0, 0, f"connection failed: {error.strerror} (os error {error.errno})")
            return None
        opened = _Open(way, identity, abort=lambda: None)

        def ended(received: int, sent: int) -> None:
            self._open.discard(opened)
            for entry in entries:
                counts = (sent, received) if entry.direction == "inbound" else (received, sent)
                self._write(entry, *counts, opened.error)

        client = way.connection
        meter = Meter(factory(), (client.source_ip, client.source_port), ended)
        opened.abort = meter.abort
        self._open.add(opened)
        return meter

    def _refuse(self, entries: list[_Entry], error: str) -> None:
        """The destination's ztunnel logs its reason, the source's what it was answered."""
        inbound = [entry for entry in entries if entry.direction == "inbound"]
        for entry in inbound:
            self._write(entry, 0, 0, error)
        for entry in entries:
            if entry.direction == "outbound":
                self._write(entry, 0, 0, _REFUSED_TUNNEL if inbound else error)

    def _entry(self, way: Way, direction: Direction, identity: str) -> _Entry:
        entry = _Entry(way, direction, identity, self._now())
        self.metrics.opened(entry.labels)
        return entry

    def _write(self, entry: _Entry, sent: int, received: int, error: str) -> None:
        seconds = self._now() - entry.since
        self.metrics.closed(entry.labels, sent=sent, received=received, flags=flags(error))
        self._log(
            line(entry.access, self._clock.now(), sent=sent, received=received, seconds=seconds, error=error)
        )

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _ends(entry: _Open) -> Iterator[OpenConnection]:
    way, connection = entry.way, entry.way.connection
    source = f"{connection.source_ip}:{connection.source_port}"
    dialled = f"{connection.ip}:{connection.port}"
    arriving = f"{way.ip}:{way.port}"
    if way.source is not None and way.source.enrolled:
        tunnel = f"{way.ip}:{HBONE_PORT}" if way.tunnelled else arriving
        yield OpenConnection(way.source.ip, "outbound", source, dialled, tunnel, way.tunnelled)
    if way.waypoint is None and way.destination is not None and way.destination.enrolled:
        asked = way.service.host if way.service else dialled
        yield OpenConnection(way.destination.ip, "inbound", source, asked, arriving, way.tunnelled)


@dataclass(frozen=True)
class _Entry:
    """One line of the log to be."""

    way: Way
    direction: Direction
    identity: str
    since: float

    @cached_property
    def labels(self) -> Labels:
        return labels(self.access)

    @cached_property
    def access(self) -> Access:
        way, connection = self.way, self.way.connection
        destination = way.destination
        dialled = f"{connection.ip}:{connection.port}" if way.waypoint else f"{way.ip}:{way.port}"
        return Access(
            direction=self.direction,
            source=f"{connection.source_ip}:{connection.source_port}",
            destination=f"{way.ip}:{HBONE_PORT}" if way.tunnelled else f"{way.ip}:{way.port}",
            hbone=dialled if way.tunnelled else "",
            service=way.service.host if way.service else "",
            service_namespace=way.service.service[0] if way.service else "",
            source_workload=way.source,
            source_identity=self.identity,
            destination_workload=destination,
            destination_identity=destination.identity if destination and way.tunnelled else "",
        )


class Closed(asyncio.Protocol):
    """Ends a connection as soon as it is there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()
