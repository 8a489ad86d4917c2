"""The data plane: ztunnel, the waypoints and the gateways, all following one mesh.

It is assembled here and decides nothing. Without istiod the mesh stays as it was last; without ztunnel
an enrolled pod's connections are refused, because its traffic is still redirected to where nobody listens.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import socket
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pocketmesh.clock import Clock
from pocketmesh.istio.envoy.config import Configuration, waypoint_config
from pocketmesh.istio.envoy.ingress import gateway_config
from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.modules import Load
from pocketmesh.istio.envoy.patching import patched
from pocketmesh.istio.envoy.ports import Ports
from pocketmesh.istio.envoy.preface import preface
from pocketmesh.istio.envoy.proxy import Configure, EnvoyProxy
from pocketmesh.istio.envoy.records import Record
from pocketmesh.istio.mesh import INPUTS, Mesh, Workload, World, compile_mesh, resolve
from pocketmesh.istio.mesh.attachments import ProxyKind
from pocketmesh.istio.mesh.compile import ALPHA_INPUTS, feeds
from pocketmesh.istio.mesh.decide import Path as Way
from pocketmesh.istio.mesh.extensions import proxy_of
from pocketmesh.istio.mesh.network import as_sent
from pocketmesh.istio.observation import Observer, Passage
from pocketmesh.istio.resources import PODS
from pocketmesh.istio.telemetry.counting import page
from pocketmesh.istio.telemetry.programs import build
from pocketmesh.istio.ztunnel import Closed, Ztunnel
from pocketmesh.istio.ztunnel.config_dump import OpenConnection
from pocketmesh.net.fabric import Fabric
from pocketmesh.net.interception import Connection, Taking
from pocketmesh.net.relay import Forward, Half
from pocketmesh.net.services import Place
from pocketmesh.node.log import ContainerLog
from pocketmesh.node.network import NODE_ADDRESS
from pocketmesh.objects import is_true
from pocketmesh.store import Event, Key, Store

_COALESCE: Final = 0.005
_LONGEST_HOLD: Final = 1.0
_CONFIGURE: Final[dict[ProxyKind, Configure]] = {"waypoint": waypoint_config, "router": gateway_config}


class DataPlane:
    """One cluster's data plane. `run` is a short directory of its own for sockets and configuration.

    To istiod's program it is a reconciler among others, which hands the objects out as a mesh; to the
    program of ztunnel a switch; to the fabric an interceptor.
    """

    name = "data plane"

    def __init__(self, store: Store, fabric: Fabric, clock: Clock, run: Path) -> None:
        self._store = store
        self._fabric = fabric
        self._clock = clock
        self._run = run
        self._mesh = Mesh()
        self._keys: Mapping[str, str] = {}
        self._stale = False
        self._untold = False
        self._known = False
        self._latest = clock.now()
        self._ztunnel: Ztunnel | None = None
        self._observers: list[Observer] = []
        self.alpha = False
        """Whether istiod looks at the kinds of routes that the Gateway API calls experimental."""
        self.proxies: dict[str, EnvoyProxy] = {}
        """The running waypoints and gateways, by their pods' addresses."""
        outside = fabric.outside
        self._world = World(outside.names, outside.authority.certificate.decode()) if outside else World()
        fabric.intercept(self)

    @property
    def mesh(self) -> Mesh:
        """The mesh as istiod last described it."""
        if self._stale:
            self._stale = False
            self._known = True
            inputs = [name for name in INPUTS if self.alpha or name not in ALPHA_INPUTS]
            objects = {name: [stored.object for stored in self._store.objects(name)] for name in inputs}
            self._mesh = compile_mesh(objects, self._keys, self._world)
        return self._mesh

    def concerns(self, event: Event) -> Iterable[Hashable]:
        """There is one key: the mesh."""
        key = event.key
        states = [event.object, *([event.previous.object] if event.previous else [])]
        if not any(feeds(key.resource, state) for state in states):
            return ()
        self._stale = self._untold = True
        return ("mesh",)

    def reconcile(self, key: Hashable) -> float | None:
        """Hands a new mesh to whoever follows it, but not for each of many changes in a row."""
        # A connection may have looked at the new mesh before; the proxies have not been told by that.
        if not self._untold:
            return None
        waited = (self._clock.now() - self._latest).total_seconds()
        if 0 <= waited < _COALESCE:
            return _COALESCE - waited
        self._refresh()
        return None

    def learn(self, keys: Mapping[str, str]) -> None:
        """Takes over the issuers' key sets, by the URI that istiod fetched them from."""
        self._keys = keys
        self._stale = True
        self._refresh()

    def start(self, log: ContainerLog) -> None:
        """Starts ztunnel: takes the connections of enrolled pods, with the access log in `log`."""
        self._ztunnel = Ztunnel(
            self._fabric, self._clock, lambda: self.mesh, self._pipe, log.write, self._captured
        )

    def stop(self) -> None:
        """Stops ztunnel: ends the connections of enrolled pods and refuses new ones."""
        if self._ztunnel is not None:
            self._ztunnel.close()
            self._ztunnel = None

    def sent(self, way: Way) -> Way:
        """The way as far as the cluster's network lets packets get."""
        return as_sent(way, self._fabric.refusal)

    def metrics(self) -> bytes:
        """What ztunnel has counted, for Prometheus."""
        return page((build("ztunnel"), *self._ztunnel.metrics.series())) if self._ztunnel is not None else b""

    def connections(self) -> list[OpenConnection]:
        """The connections that go through ztunnel now."""
        return self._ztunnel.connections() if self._ztunnel is not None else []

    @contextmanager
    def proxy(
        self, kind: ProxyKind, gateway: Place, pod: Workload, uid: str, load: Load
    ) -> Iterator[EnvoyProxy]:
        """A proxy for a Gateway's pod, fed with every mesh and reachable as long as it lasts."""

        def take(record: Record) -> None:
            for observer in self._observers:
                observer.passed(Passage(gateway, pod, record, kind))

        layout, ports = Layout(self._run / uid[:8]), Ports(self._fabric, pod.ip)
        proxy = EnvoyProxy(
            kind, gateway, pod, layout, _configured(kind), self._accept(pod), ports, load, take
        )
        self.proxies[pod.ip] = proxy
        if self._known:
            proxy.update(self.mesh)
        try:
            yield proxy
        finally:
            del self.proxies[pod.ip]

    @contextmanager
    def observed(self, observer: Observer) -> Iterator[None]:
        """Tells an observer of what happens as long as the block runs."""
        self._observers.append(observer)
        try:
            yield
        finally:
            self._observers.remove(observer)

    async def settled(self) -> None:
        """Returns when every Envoy has looked at the configuration that follows from the objects now."""
        if self._untold:
            self._refresh()
        for proxy in list(self.proxies.values()):
            await proxy.settled()

    def behind(self) -> Iterator[str]:
        """Which proxies have not taken the latest mesh, or have and are not found ready yet."""
        if self.reconcile("mesh") is not None:
            yield f"{self.name}: the mesh"
        for proxy in self.proxies.values():
            if not proxy.idle or (proxy.ready and self._is_overlooked(proxy.pod)):
                yield f"{self.name}: proxy {proxy.pod.namespace}/{proxy.pod.name}"

    def close(self) -> None:
        """Lets go of the network."""
        self.stop()
        self._fabric.intercept(None)

    def outbound(self, connection: Connection) -> Taking | None:
        """What the fabric asks for every connection that is dialled."""
        if self._ztunnel is not None:
            return self._ztunnel.outbound(connection)
        return _refuse if self._is_enrolled(connection.source_ip) else None

    def inbound(self, connection: Connection) -> Taking | None:
        """What the fabric asks for every connection that arrives."""
        for observer in self._observers:
            observer.arrived(connection)
        if self._ztunnel is not None:
            return self._ztunnel.inbound(connection)
        probe = connection.source_ip == NODE_ADDRESS
        return _refuse if not probe and self._is_enrolled(connection.ip) else None

    def isolated(self) -> None:
        """What the fabric says when NetworkPolicies have changed."""
        if self._ztunnel is not None:
            self._ztunnel.recheck()

    def resolve(self, source_ip: str, name: str) -> list[str]:
        """What the fabric asks for every name that a pod looks up."""
        source = self.mesh.workloads.get(source_ip)
        return resolve(self.mesh, source, name) if source is not None and source.asks_ztunnel else []

    def _accept(self, pod: Workload) -> Callable[[str, int], asyncio.Protocol]:
        def accept(ip: str, port: int) -> asyncio.Protocol:
            if (service := self.mesh.services.addresses.get(ip)) is not None:
                return self._through_waypoint(pod, service, Connection(pod.ip, 0, ip, port))
            if self._ztunnel is None:
                return Closed()
            return self._ztunnel.from_waypoint(pod, ip, port)

        return accept

    def _through_waypoint(self, pod: Workload, service: Place, connection: Connection) -> asyncio.Protocol:
        """A gateway's connection, with its identity, to a Service whose waypoint is to see it."""
        waypoint = self.mesh.waypoint_of(service)
        instances = self.mesh.instances(waypoint) if waypoint else ()
        if not instances:
            return Closed()

        async def connect(far: Half, client: tuple[str, int]) -> None:
            far.first = preface(connection, pod.identity)
            pipe = await self._pipe(random.choice(instances))
            await asyncio.get_running_loop().create_unix_connection(lambda: far, str(pipe))

        return Forward(connect)

    async def _pipe(self, ip: str) -> Path:
        """Where a waypoint's pod takes connections. Raises ConnectionRefusedError where none does.

        A connection is led by the mesh as it is now. It waits for an Envoy that has not taken this mesh yet,
        which would break it off: it may have no listener, or none for this Service.
        """
        proxy = self.proxies.get(ip)
        if proxy is None or not proxy.ready:
            raise ConnectionRefusedError("no such waypoint")
        if self._untold:
            self._refresh()
        if not proxy.idle:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_HOLD):
                    await proxy.settled()
        return proxy.layout.inbound

    def _captured(self, way: Way) -> None:
        for observer in self._observers:
            observer.captured(way)

    def _is_overlooked(self, pod: Workload) -> bool:
        """Whether a pod, which stays, is not said to be ready."""
        stored = self._store.get(Key(PODS, pod.namespace, pod.name))
        return (
            stored is not None
            and "deletionTimestamp" not in stored.object["metadata"]
            and not is_true(stored.object, "Ready")
        )

    def _is_enrolled(self, ip: str) -> bool:
        workload = self.mesh.workloads.get(ip)
        return workload is not None and workload.enrolled

    def _refresh(self) -> None:
        mesh = self.mesh
        self._untold = False
        self._latest = self._clock.now()
        if self._ztunnel is not None:
            self._ztunnel.recheck()
        for proxy in self.proxies.values():
            proxy.update(mesh)


def _configured(kind: ProxyKind) -> Configure:
    """What the proxies of a kind are told, changed by EnvoyFilters."""

    def configure(mesh: Mesh, gateway: Place, layout: Layout) -> Configuration:
        return patched(_CONFIGURE[kind](mesh, gateway, layout), mesh, proxy_of(mesh, kind, gateway), layout)

    return configure


async def _refuse(far: socket.socket) -> None:
    raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
