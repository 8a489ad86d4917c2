"""What the data plane tells whoever wants to watch it at work; watched or not, it does the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pocketmesh.istio.envoy.records import Record
from pocketmesh.istio.mesh.attachments import ProxyKind
from pocketmesh.istio.mesh.decide import Path
from pocketmesh.istio.mesh.model import Workload
from pocketmesh.net.interception import Connection
from pocketmesh.net.services import Place


@dataclass(frozen=True, slots=True)
class Passage:
    """A request's passage through one pod of a waypoint, or of a gateway when `kind` is `router`."""

    waypoint: Place
    pod: Workload
    record: Record
    kind: ProxyKind = "waypoint"


class Observer(Protocol):
    """Told of everything, as it happens; must not raise."""

    def captured(self, way: Path) -> None:
        """A connection that ztunnel took at its source."""
        ...

    def arrived(self, connection: Connection) -> None:
        """A connection that reaches a pod's address in plain text, after any Service was translated."""
        ...

    def passed(self, passage: Passage) -> None:
        """A request that a waypoint is done with; it is told of up to 0.1 s later."""
        ...
