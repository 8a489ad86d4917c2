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
from pocketmesh.istio.mesh.model import Mesh
from pocketmesh.istio.observation import Passage
from pocketmesh.istio.trace.story import story
from pocketmesh.net.interception import Connection
from pocketmesh.net.services import Endpoint
from pocketmesh.node.commands.names import addresses
from pocketmesh.node.network import NameNotFound
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

    def __init__(self, client: Container, request: Request) -> None:
        self.request_id = str(uuid.uuid4())
        self._client = client
        self._request = request
        self._way: Path | None = None
        self._arrival: Connection | None = None
        self._passages: list[Passage] = []
        self._more = asyncio.Event()

    def captured(self, way: Path) -> None:
        if way.connection.source_ip == self._client.ip:
            self._way = self._way or way

    def arrived(self, connection: Connection) -> None:
        if connection.source_ip == self._client.ip:
            self._arrival = self._arrival or connection

    def passed(self, passage: Passage) -> None:
        if passage.record.request_id == self.request_id:
            self._passages.append(passage)
            self._more.set()

    async def followed(self, plane: DataPlane) -> None:
        """Returns when every proxy on the way has told of the request."""
        way = self._taken(plane.mesh)
        proxies, station = set(plane.proxies), way.ip if way else ""
        told = {passage.pod.ip: passage for passage in self._passages}
        while station in proxies:
            while station not in told:
                self._more.clear()
                await self._more.wait()
                told = {passage.pod.ip: passage for passage in self._passages}
            station = told[station].record.upstream.rpartition(":")[0]

    def hops(self, mesh: Mesh, status: int) -> list[Hop]:
        """The client's look-up, the way after it, and the pod that answered with `status`, if one did."""
        client = f"Pod {namespace_of(self._client.pod)}/{name_of(self._client.pod)}"
        ip, host = self._address(), self._request.host
        if not ip:
            return [Hop(client, f"asks the DNS for {host}", "nobody has this name")]
        said = "" if ip == host else f"the DNS says that {host} is {ip}"
        hops = [Hop(client, f"connects to {ip}:{self._request.port}", said)]
        way = self._taken(mesh)
        if way is not None:
            hops += story(mesh, way, self._passages)
            end = self._end(way)
            if status and end and (found := mesh.workloads.get(end)):
                hops.append(Hop(f"Pod {found.namespace}/{found.name}", f"answers {status}"))
        return hops

    def _end(self, way: Path) -> str:
        """The address of the pod that the request came to, empty when a proxy answered it."""
        if not self._passages:
            return way.ip
        record = self._passages[-1].record
        return record.upstream.rpartition(":")[0] if record.details == "via_upstream" else ""

    def _taken(self, mesh: Mesh) -> Path | None:
        if self._way is not None:
            return self._way
        ip = self._address()
        if not ip:
            return None
        arrival = self._arrival

        def same(ready: Sequence[Endpoint]) -> Endpoint:
            found = (end for end in ready if arrival and (end.ip, end.port) == (arrival.ip, arrival.port))
            return next(found, ready[0])

        return decide(mesh, Connection(self._client.ip, 0, ip, self._request.port), same)

    def _address(self) -> str:
        try:
            return addresses(self._client, self._request.host)[0]
        except NameNotFound:
            return ""
