"""The cluster's Services as the machine that it runs on sees them: node ports on loopback, as kind's port
mappings put them there. Nothing but loopback is listened on, and nothing leads back to the machine.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Hashable, Iterable
from typing import Final
from weakref import WeakSet

from pocketmesh.api.client import Client
from pocketmesh.clock import Clock
from pocketmesh.controllers.events import Recorder
from pocketmesh.controllers.keys import Place, own
from pocketmesh.net.fabric import Fabric
from pocketmesh.net.relay import Forward, Half
from pocketmesh.node.network import NODE_ADDRESS
from pocketmesh.objects import Object, name_of, namespace_of
from pocketmesh.store import Event

LOOPBACK: Final = "127.0.0.1"
MACHINE: Final = "172.18.0.1"
"""The machine as the node sees it: the gateway of the network that kind's containers are on."""

_log = logging.getLogger(__name__)


class HostPorts:
    """Opens and closes them as Services change. A port that another process has is left to it: an Event on
    the Service says so."""

    name = "host ports"

    def __init__(self, client: Client, clock: Clock, fabric: Fabric) -> None:
        self._client = client
        self._events = Recorder(client, clock, "kube-proxy")
        self._fabric = fabric
        self._owners: dict[int, Place] = {}
        self._listening: dict[int, socket.socket] = {}
        self._accepting: set[asyncio.Task[object]] = set()
        self._connections: WeakSet[Forward] = WeakSet()

    def concerns(self, event: Event) -> Iterable[Hashable]:
        return own(event, "services")

    def reconcile(self, key: Place) -> float | None:
        service = self._client.get("services", *key)
        wanted = node_ports(service) if service else set()
        for port in [port for port, owner in self._owners.items() if owner == key and port not in wanted]:
            self._shut(port)
        for port in sorted(wanted):
            if port in self._owners:
                self._owners[port] = key
            elif service is not None:
                self._open(port, service)
        return None

    def close(self) -> None:
        """Closes all ports and breaks their connections off."""
        for port in list(self._owners):
            self._shut(port)
        for connection in list(self._connections):
            if connection.transport is not None:
                connection.transport.abort()

    def _open(self, port: int, service: Object) -> None:
        listening = socket.socket()
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((LOOPBACK, port))
            listening.listen()
        except OSError as error:
            listening.close()
            shown = f"service/{name_of(service)} -n {namespace_of(service)}"
            message = (
                f"{LOOPBACK}:{port} cannot be opened on this machine ({error.strerror}): "
                f"use kubectl port-forward {shown} instead"
            )
            _log.warning("%s: %s", shown, message)
            self._events.event(service, "Warning", "HostPortUnavailable", message)
            return
        self._owners[port] = (namespace_of(service), name_of(service))
        self._listening[port] = listening
        asyncio.get_running_loop().add_reader(listening, self._accept, port)

    def _shut(self, port: int) -> None:
        del self._owners[port]
        listening = self._listening.pop(port)
        asyncio.get_running_loop().remove_reader(listening)
        listening.close()

    def _accept(self, port: int) -> None:
        try:
            client, _ = self._listening[port].accept()
        except OSError:  # It is gone already.
            return
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        task = loop.create_task(loop.connect_accepted_socket(lambda: self._forward(port), client))
        self._accepting.add(task)
        task.add_done_callback(self._accepting.discard)

    def _forward(self, port: int) -> Forward:
        async def connect(far: Half, client: tuple[str, int]) -> None:
            near = await self._fabric.dial(MACHINE, NODE_ADDRESS, port)
            await asyncio.get_running_loop().connect_accepted_socket(lambda: far, near)

        connection = Forward(connect)
        self._connections.add(connection)
        return connection


def node_ports(service: Object) -> set[int]:
    """The TCP node ports of a Service."""
    ports = service["spec"].get("ports") or []
    return {
        int(port["nodePort"])
        for port in ports
        if port.get("nodePort") and (port.get("protocol") or "TCP") == "TCP"
    }
