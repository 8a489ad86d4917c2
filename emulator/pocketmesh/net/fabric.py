"""The wires between pods: pairs of sockets inside this process.

A connection is a socket pair whose far end is handed to the listener's protocol; on plain paths nobody
copies a byte. There is no way out: an address that no pod, no Service and no emulated host outside has leads
nowhere.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import socket
from collections.abc import Callable
from itertools import count
from typing import Final, TypeAlias

from pocketmesh.net import dns
from pocketmesh.net.addresses import Addresses
from pocketmesh.net.interception import Connection, Interceptor, Taking
from pocketmesh.net.network_policy import NAME_SERVER, Isolation, isolation
from pocketmesh.net.outside import Outside
from pocketmesh.net.services import ServicePort, ServiceTable, service_table
from pocketmesh.node.network import NODE_ADDRESS, NameServerSilent
from pocketmesh.objects import Object, uid_of
from pocketmesh.store import Event, Store

HOST_IP: Final = "10.244.0.1"
"""Whom pods see when a connection comes in by a port of the node, which kube-proxy masquerades."""

_SLICES: Final = "endpointslices.discovery.k8s.io"
_POLICIES: Final = "networkpolicies.networking.k8s.io"
_FIRST_PORT, _PORTS = 32768, 28232

ProtocolFactory: TypeAlias = Callable[[], asyncio.Protocol]

Plugin: TypeAlias = Callable[[Object], None]
"""Asked for each new pod off the host's network before it has an address; it may raise SandboxFailed."""


class Fabric:
    """The network of one node, following the Services and EndpointSlices of a store.

    Without `outside` there is nothing but the cluster.
    """

    def __init__(
        self, store: Store, addresses: Addresses | None = None, outside: Outside | None = None
    ) -> None:
        self._store = store
        self.outside = outside
        self._addresses = addresses or Addresses()
        self._listeners: dict[str, dict[int, ProtocolFactory]] = {}
        self._interceptor: Interceptor | None = None
        self._plugin: Plugin | None = None
        self._source_ports = count()
        self._table: ServiceTable | None = None
        self._zone: dns.Zone | None = None
        self._isolation: Isolation | None = None
        self._unsubscribe = store.subscribe(self._changed)

    def attach(self, pod: Object) -> str:
        """The pod's address: the node's for a pod on the host network.

        Raises AddressesExhausted, or SandboxFailed when a plugin refuses the pod.
        """
        if pod["spec"].get("hostNetwork"):
            return NODE_ADDRESS
        if self._plugin is not None and not (pod.get("status") or {}).get("podIP"):
            self._plugin(pod)
        return self._addresses.assign(uid_of(pod), (pod.get("status") or {}).get("podIP", ""))

    def detach(self, pod_uid: str) -> None:
        """Frees a pod's address and forgets its listeners; harmless when repeated."""
        ip = self._addresses.release(pod_uid)
        if ip is not None:
            self._listeners.pop(ip, None)

    def listen(self, ip: str, port: int, factory: ProtocolFactory) -> None:
        """Accepts connections at a pod's address or the node's. Raises OSError: in use, nobody's address."""
        if not self._is_up(ip):
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        ports = self._listeners.setdefault(ip, {})
        if port in ports:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        ports[port] = factory

    def unlisten(self, ip: str, port: int) -> None:
        """Refuses connections from now on; harmless when repeated."""
        self._listeners.get(ip, {}).pop(port, None)

    def listener(self, ip: str, port: int) -> ProtocolFactory | None:
        """What accepts connections at an address, if anything does."""
        return self._listeners.get(ip, {}).get(port)

    def plug(self, plugin: Plugin | None) -> None:
        """Chains a CNI plugin, or takes it out again."""
        self._plugin = plugin

    def intercept(self, interceptor: Interceptor | None) -> None:
        """Has an interceptor asked for every connection from now on; None ends that."""
        self._interceptor = interceptor

    async def dial(self, source_ip: str, ip: str, port: int) -> socket.socket:
        """A connected, non-blocking stream socket to a pod's or a Service's address.

        What a client would learn only after its patience is said at once: TimeoutError for an address
        or a Service's port that swallows packets. Raises ConnectionRefusedError where nothing listens
        or a Service has no endpoint, OSError(EHOSTUNREACH) for the address of a pod that is gone.
        """
        if ip.startswith("127."):
            ip = source_ip
        connection = Connection(source_ip, self._source_port(), ip, port)
        if self._interceptor is not None and ip != source_ip:
            taking = self._interceptor.outbound(connection)
            if taking is not None:
                return await _connected(taking, connection)
        return await self.arrive(self._translated(connection))

    async def arrive(self, connection: Connection) -> socket.socket:
        """Connects to a pod's address, past any Service. Raises as `dial` does."""
        if self.refusal(connection.source_ip, connection.ip, connection.port):
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        if self._interceptor is not None and connection.ip != connection.source_ip:
            taking = self._interceptor.inbound(connection)
            if taking is not None:
                return await _connected(taking, connection)
        factory = self.factory_at(connection.ip, connection.port)

        async def accept(far: socket.socket) -> None:
            await asyncio.get_running_loop().connect_accepted_socket(factory, far)

        return await _connected(accept, connection)

    def factory_at(self, ip: str, port: int) -> ProtocolFactory:
        """The listener's factory at an address; the OSError that a client gets when there is none."""
        if self.outside is not None and (found := self.outside.listener(ip, port)):
            return found
        if not self._is_up(ip):
            if self._addresses.covers(ip):
                raise OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        factory = self.listener(ip, port)
        if factory is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        return factory

    def resolve(self, source_ip: str, source_namespace: str, name: str) -> list[str]:
        """The IPv4 addresses of a name as a pod sees it. Raises NameNotFound or NameServerSilent."""
        if self._interceptor is not None and (found := self._interceptor.resolve(source_ip, name)):
            return found
        if self.refusal(source_ip, NAME_SERVER, 53, "UDP"):
            raise NameServerSilent(name)
        if self._zone is None:
            services = [stored.object for stored in self._store.objects("services")]
            outside = self.outside.names if self.outside is not None else {}
            self._zone = dns.zone(services, self.services, outside)
        return dns.resolve(self._zone, source_namespace, name)

    @property
    def services(self) -> ServiceTable:
        """What is behind every Service's address now."""
        if self._table is None:
            services = [stored.object for stored in self._store.objects("services")]
            self._table = service_table(services, (item.object for item in self._store.objects(_SLICES)))
        return self._table

    def close(self) -> None:
        """Stops following the store."""
        self._unsubscribe()

    def refusal(self, source_ip: str, ip: str, port: int, protocol: str = "TCP") -> str:
        """Which NetworkPolicies drop packets between two addresses of pods; empty when they pass."""
        if self._isolation is None:
            policies = [stored.object for stored in self._store.objects(_POLICIES)]
            pods = self._store.objects("pods") if policies else ()
            namespaces = self._store.objects("namespaces") if policies else ()
            self._isolation = isolation(
                policies, (stored.object for stored in pods), (stored.object for stored in namespaces)
            )
        return self._isolation.refusal(source_ip, ip, port, protocol)

    def _translated(self, connection: Connection) -> Connection:
        port = self.services.at(connection.ip, connection.port)
        if port is None:
            if connection.ip not in self.services.addresses:
                return connection
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        chosen = _any(port)
        source = HOST_IP if connection.ip == NODE_ADDRESS else connection.source_ip
        return Connection(source, connection.source_port, *chosen)

    def _is_up(self, ip: str) -> bool:
        return self._addresses.holds(ip) or ip == NODE_ADDRESS

    def _source_port(self) -> int:
        return _FIRST_PORT + next(self._source_ports) % _PORTS

    def _changed(self, event: Event) -> None:
        if event.key.resource in {"services", _SLICES}:
            self._table = self._zone = None
        if event.key.resource in {_POLICIES, "pods", "namespaces"}:
            self._isolation = None
        if event.key.resource == _POLICIES and self._interceptor is not None:
            self._interceptor.isolated()


def _any(port: ServicePort) -> tuple[str, int]:
    ready = port.ready
    if not ready:
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    chosen = random.choice(ready)  # kube-proxy's iptables rules choose at random
    return chosen.ip, chosen.port


class _FarEnd(socket.socket):
    """The accepting end of a connection, which knows its client as a TCP socket would."""

    def __init__(self, end: socket.socket, connection: Connection) -> None:
        super().__init__(fileno=end.detach())
        self._peer = (connection.source_ip, connection.source_port)

    def getpeername(self) -> tuple[str, int]:
        return self._peer


async def _connected(taking: Taking, connection: Connection) -> socket.socket:
    near, end = socket.socketpair()
    far = _FarEnd(end, connection)
    near.setblocking(False)
    far.setblocking(False)
    try:
        await taking(far)
    except BaseException:
        near.close()
        far.close()
        raise
    return near
