"""How something may stand between a pod and the network, as ztunnel does for pods of an ambient mesh."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Connection:
    """A TCP connection as its client sees it. `source_ip` is no pod's when the host itself connects."""

    source_ip: str
    source_port: int
    ip: str
    port: int


Taking: TypeAlias = Callable[[socket.socket], Awaitable[None]]
"""Takes the far end of an established connection; whatever happens to it afterwards is its business."""


class Interceptor(Protocol):
    """Asked for each connection that leaves or enters a pod, and for none of a pod to itself."""

    def outbound(self, connection: Connection) -> Taking | None:
        """Captures what a pod dials, before any Service address is translated; None lets it pass."""
        ...

    def inbound(self, connection: Connection) -> Taking | None:
        """Captures what arrives at a pod's address without having been captured at its source."""
        ...

    def resolve(self, source_ip: str, name: str) -> list[str]:
        """The addresses of a name, when it is to be answered in place of the cluster's DNS; else none."""
        ...

    def isolated(self) -> None:
        """Is told that NetworkPolicies have changed: what goes on may not be let through any more."""
        ...
