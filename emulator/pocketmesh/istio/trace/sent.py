"""What is seen of one request while it is on its way.

A waypoint tells of a request under its id; of connections only the client's address is known, so the first
that comes from there while we watch is taken for the request's.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from pocketmesh.istio.dataplane import DataPlane
from pocketmesh.istio.mesh.decide import Hop, Path, decide
from pocketmesh.istio.observation import Passage
from pocketmesh.istio.trace.story import story
from pocketmesh.net.interception import Connection
from pocketmesh.net.services import Endpoint, Place
from pocketmesh.node.commands.names import addresses
from pocketmesh.node.network import NameNotFound, NameServerSilent
from pocketmesh.node.process import Container
from pocketmesh.objects import name_of, namespace_of


@dataclass(frozen=True, slots=True)
class Request:
    """What to send: the method and the headers (`name: value`) are curl's."""

    url: str
    method: str = "GET"
    headers: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)


class Sent:
    """What was seen of one request; the first connection from its client is taken for the request's."""

    def __init__(self, plane: DataPlane, client: Container, request: Request) -> None:
        self.request_id = str(uuid.uuid4())
        self._plane = plane
        self._client = client
        self._request = request
        self._way: Path | None = None
        self._arrival: Connection | None = None
        self._told: list[Passage] = []
        self._more = asyncio.Event()

    def captured(self, way: Path) -> None:
        if way.connection.source_ip == self._client.ip:
            self._way = self._way or way

    def arrived(self, connection: Connection) -> None:
        if connection.source_ip == self._client.ip:
            self._arrival = self._arrival or connection

    def passed(self, passage: Passage) -> None:
        self._told.append(passage)
        self._more.set()

    async def followed(self) -> None:
        """Returns when every proxy on the way has told of the request."""
        while not self._passages()[1]:
            self._more.clear()
            await self._more.wait()

    def hops(self, status: int) -> list[Hop]:
        """The client's look-up, the way after it, and the pod that answered with `status`, if one did."""
        mesh, host = self._plane.mesh, self._request.host
        ip, unresolved = self._resolved()
        client = shown(self._client)
        if not ip:
            return [Hop(client, f"asks the DNS for {host}", unresolved)]
        said = "" if ip == host else f"the DNS says that {host} is {ip}"
        hops = [Hop(client, f"connects to {ip}:{self._request.port}", said)]
        way, (passages, _) = self._taken(), self._passages()
        if way is not None:
            hops += story(mesh, way, passages, self._plane.sent)
            end = _end(way, passages)
            if status and end and (found := mesh.workloads.get(end)):
                hops.append(Hop(f"Pod {found.namespace}/{found.name}", f"answers {status}"))
        return hops

    def _passages(self) -> tuple[list[Passage], bool]:
        """Those that are the request's, in order, and whether they are all.

        A gateway gives what comes from outside an id of its own; it is known by the connection it came in.
        """
        way = self._taken()
        arrival = self._arrival or (way and way.connection)
        source = f"{arrival.source_ip}:{arrival.source_port}" if arrival else ""
        ids, found = {self.request_id}, list[Passage]()
        station = self._proxy_at(way.ip) if way else None
        while station is not None:
            there = [it for it in self._told if it.waypoint == station and it not in found]
            own = (it for it in there if it.record.request_id in ids or it.record.source == source)
            passage = next(own, None)
            if passage is None:
                return found, False
            found.append(passage)
            ids.add(passage.record.request_id)
            station = self._proxy_at(address_of(passage.record.upstream))
        return found, True

    def _proxy_at(self, ip: str) -> Place | None:
        """The Gateway whose proxy takes what is sent to an address: its pod's, or that of a Service that a
        gateway sends to the Service's waypoint."""
        if proxy := self._plane.proxies.get(ip):
            return proxy.gateway
        service = self._plane.mesh.services.addresses.get(ip)
        return self._plane.mesh.waypoint_of(service) if service else None

    def _taken(self) -> Path | None:
        if self._way is not None:
            return self._way
        ip, _ = self._resolved()
        if not ip:
            return None
        arrival = self._arrival

        def same(ready: Sequence[Endpoint]) -> Endpoint:
            found = (end for end in ready if arrival and (end.ip, end.port) == (arrival.ip, arrival.port))
            return next(found, ready[0])

        connection = Connection(self._client.ip, 0, ip, self._request.port)
        return self._plane.sent(decide(self._plane.mesh, connection, same))

    def _resolved(self) -> tuple[str, str]:
        """The address of the host that is asked for, or nothing and why there is none."""
        try:
            return addresses(self._client, self._request.host)[0], ""
        except NameServerSilent:
            return "", "the name server does not answer: what is sent to it is dropped"
        except NameNotFound:
            return "", "nobody has this name"


def shown(client: Container) -> str:
    """What a trace calls its client."""
    return f"Pod {namespace_of(client.pod)}/{name_of(client.pod)}" if client.pod else "the host"


def address_of(end: str) -> str:
    """The address of `ip:port`."""
    return end.rpartition(":")[0]


def _end(way: Path, passages: Sequence[Passage]) -> str:
    """The address of the pod that the request came to, empty when a proxy answered it."""
    if not passages:
        return way.ip
    record = passages[-1].record
    return address_of(record.upstream) if record.details == "via_upstream" else ""
