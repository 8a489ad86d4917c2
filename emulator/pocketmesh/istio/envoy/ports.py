"""The ports on which a gateway's pod is reached. Connections go on to Envoy, which is told who connects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from pocketmesh.istio.envoy.preface import preface
from pocketmesh.net.fabric import Fabric
from pocketmesh.net.interception import Connection
from pocketmesh.net.relay import Forward, Half


class Ports:
    """The open ports of one pod."""

    def __init__(self, fabric: Fabric, ip: str) -> None:
        self._fabric = fabric
        self._ip = ip
        self._open: dict[int, Path] = {}

    def keep(self, wanted: Mapping[int, Path]) -> list[str]:
        """Listens on these ports, each with the unix socket of Envoy behind it, and on no others.

        Returns what went wrong: a port that something else in the pod listens on.
        """
        for port in self._open.keys() - wanted.keys():
            del self._open[port]
            self._fabric.unlisten(self._ip, port)
        problems = []
        for port in sorted(wanted.keys() - self._open.keys()):
            try:
                self._fabric.listen(self._ip, port, self._factory(port, wanted[port]))
            except OSError as error:
                problems.append(f"cannot listen on port {port}: {error.strerror}")
            else:
                self._open[port] = wanted[port]
        return problems

    def _factory(self, port: int, pipe: Path) -> Callable[[], asyncio.Protocol]:
        async def connect(far: Half, client: tuple[str, int]) -> None:
            far.first = preface(Connection(*client, self._ip, port), "")
            await asyncio.get_running_loop().create_unix_connection(lambda: far, str(pipe))

        return lambda: Forward(connect)
