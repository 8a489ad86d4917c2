"""What every pod of a node shares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock, rfc3339
from pocketmesh.controllers.events import Recorder
from pocketmesh.node.disk import Disk
from pocketmesh.node.images import Catalogue
from pocketmesh.node.network import PodNetwork
from pocketmesh.node.volumes import TokenSource
from pocketmesh.objects import Object


@dataclass(frozen=True)
class Machine:
    """The node as its pods see it."""

    client: Client
    clock: Clock
    network: PodNetwork
    catalogue: Catalogue
    token: TokenSource
    events: Recorder
    name: str
    address: str
    disk: Disk
    trusted: bytes = b""
    """The public authorities that containers trust, in PEM."""

    def now(self) -> str:
        """The time as it stands in objects."""
        return rfc3339(self.clock.now())

    def services(self) -> Iterable[Object]:
        """Every Service, for the environment of containers."""
        return self.client.all("services")
