"""The unix sockets on which an Envoy finds its destinations: one for each port of each pod.

The path alone says which pod's port is meant and which waypoint connects, so nothing has to be written
ahead of the data, and no bytes are copied on the way to the application.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from functools import partial

from pocketmesh.istio.envoy.layout import Layout

Accept = Callable[[str, int], asyncio.Protocol]
"""The protocol for a connection to a pod's address and port."""


class Endpoints:
    """The sockets of one Envoy."""

    def __init__(self, layout: Layout, accept: Accept) -> None:
        self._layout = layout
        self._accept = accept
        self._servers: dict[tuple[str, int], asyncio.Server] = {}

    async def open(self, wanted: Iterable[tuple[str, int]]) -> None:
        """Listens for these pods' ports as well."""
        for ip, port in wanted:
            if (ip, port) in self._servers:
                continue
            path = self._layout.endpoint(ip, port)
            path.unlink(missing_ok=True)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(path))
            self._servers[ip, port] = await asyncio.get_running_loop().create_unix_server(
                partial(self._accept, ip, port), sock=listener, backlog=1024
            )

    def keep(self, wanted: Iterable[tuple[str, int]]) -> None:
        """Stops listening for all other pods' ports."""
        for place in self._servers.keys() - set(wanted):
            self._servers.pop(place).close()
            self._layout.endpoint(*place).unlink(missing_ok=True)
