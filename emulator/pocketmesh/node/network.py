"""What a pod needs from the network, said by the node; the fabric below the pods implements it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final, Protocol

from pocketmesh.objects import Object

NODE_ADDRESS: Final = "172.18.0.2"
"""The node's own address, which pods on its network share."""


class NameNotFound(Exception):
    """No such name in the cluster's DNS (NXDOMAIN)."""


class NameServerSilent(NameNotFound):
    """The cluster's DNS does not answer this pod. What a program would learn after its patience is said at
    once."""


class SandboxFailed(Exception):
    """A new pod's network could not be set up for now; the message is that of whoever failed."""


class PodNetwork(Protocol):
    """Addresses, names and connections between pods."""

    def attach(self, pod: Object) -> str:
        """The pod's IPv4 address: its `status.podIP` if it has one, else a free one. Idempotent per uid.

        Raises SandboxFailed.
        """
        ...

    def detach(self, pod_uid: str) -> None:
        """Gives a pod's address free and closes what listened on it; harmless when repeated."""
        ...

    def listen(self, ip: str, port: int, factory: Callable[[], asyncio.Protocol]) -> None:
        """Accepts connections on a pod's address, each with a protocol of `factory`. Raises OSError."""
        ...

    def unlisten(self, ip: str, port: int) -> None:
        """Refuses connections from now on; harmless when repeated."""
        ...

    async def dial(self, source_ip: str, ip: str, port: int) -> socket.socket:
        """A connected, non-blocking stream socket to a pod's or a Service's address.

        Raises ConnectionRefusedError, ConnectionResetError, TimeoutError, or OSError(EHOSTUNREACH).
        """
        ...

    def resolve(self, source_ip: str, source_namespace: str, name: str) -> list[str]:
        """The IPv4 addresses of a name as a pod sees it. Raises NameNotFound or NameServerSilent."""
        ...
