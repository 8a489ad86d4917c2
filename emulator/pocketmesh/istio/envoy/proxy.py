"""One pod of a waypoint or of a gateway: an Envoy that is kept in step with the mesh."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from pocketmesh.istio.envoy.admin import Admin, AdminSilent
from pocketmesh.istio.envoy.bootstrap import bootstrap
from pocketmesh.istio.envoy.config import Configuration
from pocketmesh.istio.envoy.delivery import Delivery
from pocketmesh.istio.envoy.discovery import Discovery
from pocketmesh.istio.envoy.endpoints import Accept, Endpoints
from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.modules import Load, Modules
from pocketmesh.istio.envoy.ports import Ports
from pocketmesh.istio.envoy.process import EnvoyProcess, Write
from pocketmesh.istio.envoy.records import Record, RecordReader, Take
from pocketmesh.istio.mesh.attachments import ProxyKind
from pocketmesh.istio.mesh.extensions import proxy_of
from pocketmesh.istio.mesh.model import Mesh, Workload
from pocketmesh.istio.mesh.plugins import sources_of
from pocketmesh.istio.telemetry.requests import ProxyMetrics
from pocketmesh.net.services import Place

Configure = Callable[[Mesh, Place, Layout], Configuration]
"""What the Envoy of a Gateway's pod is told: a pure function, one for each kind of proxy."""

_FIRST_POLL: Final = 0.005
_LAST_POLL: Final = 0.25


class EnvoyProxy:
    """Runs one Envoy and gives it each new mesh. `ready` is what its readiness probe answers,
    `pid` the child's, 0 before it runs."""

    def __init__(
        self,
        kind: ProxyKind,
        gateway: Place,
        pod: Workload,
        layout: Layout,
        configure: Configure,
        accept: Accept,
        ports: Ports,
        load: Load,
        take: Take = lambda record: None,
    ) -> None:
        self.kind = kind
        self.gateway = gateway
        self.pod = pod
        self.layout = layout
        self.ready = False
        self.pid = 0
        self.admin = Admin(layout.admin)
        self._configure = configure
        self._endpoints = Endpoints(layout, accept)
        self._ports = ports
        self.metrics = ProxyMetrics(kind, gateway, pod)
        self._take = take
        self._discovery = Discovery(layout.discovery)
        self._delivery = Delivery(self._discovery, self.admin)
        self._told: tuple[str, ...] = ()
        self._mesh: Mesh | None = None
        self._modules = Modules(layout, load)
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def statistics(self) -> bytes:
        """What Envoy itself counts, for Prometheus; nothing while it does not answer."""
        try:
            return await self.admin.get("/stats/prometheus")
        except AdminSilent:
            return b""

    def update(self, mesh: Mesh) -> None:
        """Has the configuration follow a mesh; returns at once."""
        self._mesh = mesh
        self._idle.clear()
        self._changed.set()

    @property
    def idle(self) -> bool:
        """Whether there is nothing that Envoy is still to be told."""
        return self._idle.is_set()

    async def settled(self) -> None:
        """Returns when Envoy has looked at the latest configuration, or has ended."""
        await self._idle.wait()

    async def run(self, stdout: Write, stderr: Write) -> int:
        """Starts Envoy with the first mesh that comes, and returns its exit code when it ends.

        Cancelled to be stopped. Raises OSError when Envoy cannot be started.
        """
        shutil.rmtree(self.layout.root, ignore_errors=True)
        self.layout.create()
        try:
            async with self._discovery:
                with RecordReader(self.layout.records, self._record):
                    return await self._envoy(stdout, stderr)
        finally:
            self.ready = False
            self._ports.keep({})
            self._endpoints.keep(())
            self._idle.set()
            shutil.rmtree(self.layout.root, ignore_errors=True)

    async def _envoy(self, stdout: Write, stderr: Write) -> int:
        self.layout.bootstrap.write_bytes(bootstrap(self.layout, self.kind, self.gateway, self.pod))
        await self._changed.wait()
        files = await self._write()
        envoy = await EnvoyProcess.start(self.layout.bootstrap, stdout, stderr)
        self.pid = envoy.pid
        try:
            following = asyncio.create_task(self._follow(envoy, files, stderr))
            try:
                return await envoy.wait()
            finally:
                following.cancel()
        finally:
            await envoy.stop()

    async def _follow(self, envoy: EnvoyProcess, files: dict[str, str], stderr: Write) -> None:
        await self._live(envoy)
        while True:
            await self._report(files, stderr)
            self.ready = True
            if not self._changed.is_set():
                self._idle.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._modules.pause):
                    await self._changed.wait()
            files = await self._write()

    def _record(self, record: Record) -> None:
        assert self._mesh is not None
        self.metrics.count(self._mesh, record)
        self._take(record)

    async def _live(self, envoy: EnvoyProcess) -> None:
        pause = _FIRST_POLL
        while envoy.running and not await self.admin.is_live():
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, _LAST_POLL)

    async def _write(self) -> dict[str, str]:
        self._changed.clear()
        mesh = self._mesh
        assert mesh is not None
        if sources := sources_of(mesh, proxy_of(mesh, self.kind, self.gateway)):
            mesh = replace(mesh, modules=await self._modules.of(sources))
        configuration = self._configure(mesh, self.gateway, self.layout)
        await self._endpoints.open(configuration.endpoints)
        self._wanted = configuration
        return self._delivery.write(configuration.files)

    async def _report(self, files: dict[str, str], stderr: Write) -> None:
        for problem in self._wanted.problems:
            if problem not in self._told:
                await stderr(f"{problem}\n".encode())
        self._told = self._wanted.problems
        try:
            rejected = await self._delivery.taken(files)
        except AdminSilent as error:
            await stderr(f"configuration not confirmed: {error}\n".encode())
            return
        for name in rejected:
            await stderr(f"configuration rejected, the old one stays: {name}\n".encode())
        if not rejected:
            self._delivery.drop(self._wanted.files)
            self._endpoints.keep(self._wanted.endpoints)
        # A listener that Envoy rejected does not keep the others closed.
        for problem in self._ports.keep(self._wanted.ports):
            await stderr(f"{problem}\n".encode())
