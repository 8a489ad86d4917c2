"""One cluster, put together: the only module that knows every room.

A cluster that was stopped, by whatever means, is the same cluster when it is opened on the same state
again: objects, certificates and port stay, programs start anew.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal, TypeAlias

import orjson

from pocketmesh.api import bootstrap, errors
from pocketmesh.api.auth.certificates import open_credentials, write_private
from pocketmesh.api.auth.gate import Gate
from pocketmesh.api.auth.issuing import Authority
from pocketmesh.api.auth.kubeconfig import kubeconfig
from pocketmesh.api.auth.tokens import ISSUER, Subject
from pocketmesh.api.client import Client
from pocketmesh.api.errors import ApiError
from pocketmesh.api.registry import Registry
from pocketmesh.api.server.server import Extra, ExtraCall, Extras, Server, serve
from pocketmesh.clock import Clock, WallClock
from pocketmesh.controllers.runtime import Runtime
from pocketmesh.controllers.standard import standard_controllers
from pocketmesh.convergence import Convergence
from pocketmesh.istio.dataplane import DataPlane
from pocketmesh.istio.install import MANAGER
from pocketmesh.istio.install.inside import install
from pocketmesh.istio.install.inside import ready as istio_ready
from pocketmesh.istio.programs import images as istio_images
from pocketmesh.istio.trace.calls import TraceCalls
from pocketmesh.net.fabric import Fabric
from pocketmesh.net.host import HostPorts
from pocketmesh.net.outside import Outside
from pocketmesh.node.catalogue import standard_images
from pocketmesh.node.commands.tls import Tls
from pocketmesh.node.disk import Disk
from pocketmesh.node.images import Catalogue
from pocketmesh.node.network import NODE_ADDRESS
from pocketmesh.node.node import NAME as NODE_NAME
from pocketmesh.node.node import Node
from pocketmesh.node.verbs import PodVerbs
from pocketmesh.objects import Object, namespace_of
from pocketmesh.schema.crds import gateway_api_crds, gateway_api_policies
from pocketmesh.schema.kinds import Kinds, builtin_kinds
from pocketmesh.store import Missing, Store

IstioMode: TypeAlias = Literal["ambient", "none"]

_SNAPSHOTS: Final = "/pocketmesh/v1/snapshots/"
_TRACE: Final = "/pocketmesh/v1/trace"
_CONVERGENCE: Final = "/pocketmesh/v1/convergence"
_OBJECTS: Final = "/pocketmesh/v1/objects"
_NOT_RESTORED: Final = ("leases.coordination.k8s.io", "nodes")
_PATIENCE: Final = 30.0
_API_PORT: Final = 6443

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where a cluster lives.

    `state` is its directory. `run` is for sockets, emptied at each start: a path to it must leave room
    in the 108 bytes that the address of a unix socket may have.
    """

    state: Path
    run: Path


class Cluster:
    """A cluster that runs from `open` to `close`."""

    def __init__(self, place: Place, clock: Clock | None = None) -> None:
        """Takes the state. Raises StoreInUse, StoreUnusable or OSError."""
        self.place = place
        self.clock = clock or WallClock()
        self.store = Store(place.state)
        shutil.rmtree(place.run, ignore_errors=True)
        place.run.mkdir(mode=0o700)
        self.credentials = open_credentials(place.state / "pki", self.clock)
        self.registry = Registry(self.store, Kinds(builtin_kinds()), self.clock)
        self.gate = Gate(self.credentials, self.registry)
        self.runtime = Runtime(self.store, self.clock)
        outside = Outside(self.clock)
        self.fabric = Fabric(self.store, outside=outside)
        self.data_plane = DataPlane(self.store, self.fabric, self.clock, place.run)
        root = self.credentials.authority.certificate.decode()
        catalogue = Catalogue(
            [*standard_images(), *istio_images(self.registry, self.runtime, self.fabric, self.data_plane)]
        )
        client = Client(self.registry, "kubelet", f"system:node:{NODE_NAME}")
        self._disk = Disk(place.state.absolute() / "node")
        self._disk.directory.mkdir(mode=0o700, exist_ok=True)
        self.node = Node(
            client,
            self.runtime,
            self.fabric,
            catalogue,
            self.clock,
            disk=self._disk,
            token=self._token,
            trusted=outside.authority.certificate,
        )
        authority = Authority(self.credentials.authority)
        for controller in standard_controllers(self.registry, root, self.gate.tokens, authority):
            self.runtime.add(controller)
        self._host_ports = HostPorts(Client(self.registry, "kube-proxy"), self.clock, self.fabric)
        self._server: Server | None = None
        self._running: asyncio.Task[None] | None = None

    async def open(self, istio: IstioMode, port: int = 0) -> str:
        """Serves, fills a new cluster, and returns the server's URL when all of it is ready.

        Port 0 takes the one that this state was served on before, if it is free. Raises OSError,
        ApiError or TimeoutError.
        """
        self._fill(istio)
        self.node.start()
        self.runtime.add(self._host_ports)
        self._running = asyncio.create_task(self.runtime.run())
        self._server = await self._serve(port)
        self._serve_pods(self._server)
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._ready()
        except TimeoutError:
            raise TimeoutError(f"it is not ready after {_PATIENCE:g} s") from None
        return f"https://127.0.0.1:{self._server.port}"

    async def close(self) -> None:
        """Ends every program and lets the state go; what it says stays as it is."""
        if self._server is not None:
            await self._server.close()
        self.node.stop()
        self.data_plane.close()
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
        self.runtime.close()
        self._host_ports.close()
        self.fabric.close()
        self.store.close()
        shutil.rmtree(self.place.run, ignore_errors=True)

    def _fill(self, istio: IstioMode) -> None:
        """Makes what every cluster has; once, because later the objects are their users' business."""
        done = self.place.state / "filled"
        if done.exists():
            return
        with self.store.together():
            bootstrap.create_missing(self._installer("kube-apiserver"))
            if istio == "ambient":
                bootstrap.apply(self._installer("kubectl"), gateway_api_crds())
                install(self._installer(MANAGER))
                # The policies are about later changes; Istio's definitions cost them a tenth of the start.
                bootstrap.apply(self._installer("kubectl"), gateway_api_policies())
        done.touch(mode=0o600)

    def _installer(self, manager: str) -> Client:
        return Client(self.registry, manager, proven=True)

    async def _serve(self, port: int) -> Server:
        remembered = self.place.state / "port"
        before = 0
        with suppress(OSError, ValueError):
            before = int(remembered.read_text())
        runtime, tls = PodVerbs(self.node), self.credentials.tls()
        traces = TraceCalls(self.data_plane, self.node.machine, runtime)
        convergence = Convergence(self.runtime, self.node, self.data_plane)
        routes: dict[str, Extra] = {
            _SNAPSHOTS: self._snapshots,
            _OBJECTS: self._objects,
            _TRACE: traces,
            _CONVERGENCE: convergence,
        }
        extras = Extras(self.gate.documents(), routes)
        try:
            server = await serve(
                self.registry, self.gate, runtime, tls=tls, port=port or before, extras=extras
            )
        except OSError:
            if port or not before:
                raise
            server = await serve(self.registry, self.gate, runtime, tls=tls, extras=extras)
        write_private(remembered, str(server.port).encode())
        return server

    def _serve_pods(self, server: Server) -> None:
        """Lets pods reach the API at the Service `kubernetes`, on wires that stay inside this process."""
        context = self.credentials.tls()
        context.set_alpn_protocols(["http/1.1"])
        self.fabric.listen(NODE_ADDRESS, _API_PORT, partial(Tls, context, lambda _: server.http()))
        client = Client(self.registry, "kube-apiserver")
        bootstrap.create_missing(client, bootstrap.endpoints(NODE_ADDRESS, _API_PORT))

    async def _ready(self) -> None:
        """Waits for the controllers to have nothing to do and for Istio, where it is installed."""
        watch = self.store.watch("pods")
        try:
            await self.runtime.settled()
            while not istio_ready(Client(self.registry, MANAGER)):
                await anext(watch)
                await self.runtime.settled()
        finally:
            watch.close()

    async def _snapshots(self, call: ExtraCall) -> Object:
        """`POST NAME` takes a snapshot, `POST NAME/restore` goes back to it."""
        name, _, verb = call.path.partition("/")
        if call.method != "POST" or not name or verb not in {"", "restore"}:
            raise errors.no_such_resource()
        disk = self.place.state / "disks" / name.encode().hex()
        if not verb:
            self._disk.keep(disk)
            self.store.snapshot(name, without=_NOT_RESTORED)
            return {"snapshot": name}
        try:
            changes = self.store.restore(name, keep=_NOT_RESTORED)
        except Missing as error:
            raise ApiError(404, "NotFound", f'there is no snapshot "{name}"') from error
        self._disk.bring_back(disk)
        await self.runtime.settled()
        return {"snapshot": name, "changes": changes}

    async def _objects(self, call: ExtraCall) -> Object:
        """`GET`: every object there is, as it is stored."""
        if call.method != "GET" or call.path:
            raise errors.no_such_resource()
        resources = map(self.store.objects, self.store.resources())
        return {"items": [orjson.Fragment(stored.body) for objects in resources for stored in objects]}

    def _token(self, pod: Object, audience: str, seconds: int) -> str:
        account = pod["spec"].get("serviceAccountName") or "default"
        found = Client(self.registry, "kubelet").get("serviceaccounts", namespace_of(pod), account)
        uid = found["metadata"]["uid"] if found else ""
        metadata = pod["metadata"]
        bound = {"pod": {"name": metadata["name"], "uid": metadata["uid"]}}
        subject = Subject(namespace_of(pod), account, uid, bound)
        return self.gate.tokens.issue(subject, [audience or ISSUER], seconds)


async def run(place: Place, istio: IstioMode, port: int, until: asyncio.Event) -> None:
    """Serves a cluster until the event is set. `kubeconfig` appears in the state when it is ready."""
    cluster = Cluster(place)
    try:
        write_private(place.state / "pid", str(os.getpid()).encode())
        server = await cluster.open(istio, port)
        # What the start has made stays; a collection need not look at it again and again.
        gc.freeze()
        gc.enable()
        write_private(place.state / "kubeconfig", kubeconfig(cluster.credentials, server).encode())
        _log.info("serving %s", server)
        await until.wait()
    finally:
        await cluster.close()
