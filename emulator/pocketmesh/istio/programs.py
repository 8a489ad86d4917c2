"""The programs in Istio's images. Each does its work for the cluster while its container runs, so that
scaling istiod to zero stops its controllers, and a node without ztunnel has no mesh.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import orjson

from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.controllers.runtime import Reconciler, Runtime
from pocketmesh.istio.cni import Enrolment
from pocketmesh.istio.endpoints import fine, served
from pocketmesh.istio.istiod import reconcilers
from pocketmesh.node.images import Image
from pocketmesh.node.log import ContainerLog
from pocketmesh.node.process import Command, Invocation
from pocketmesh.versions import ISTIO

_VERSION: Final = {
    "version": ISTIO,
    "revision": "pocketmesh",
    "golang_version": "none",
    "status": "Clean",
    "tag": ISTIO,
}
"""istio/istio pkg/version/version.go, BuildInfo."""


class Ztunnel(Protocol):
    """The data plane of a node."""

    def start(self, log: ContainerLog) -> None:
        """Takes over the traffic of enrolled pods and writes its log there."""
        ...

    def stop(self) -> None:
        """Leaves enrolled pods without a way out or in."""
        ...


class Role:
    """Controllers that run while at least one container holds the role."""

    def __init__(self, runtime: Runtime, reconcilers: Iterable[Reconciler]) -> None:
        self._runtime = runtime
        self._reconcilers = list(reconcilers)
        self._holders = 0

    @property
    def active(self) -> bool:
        """Whether anybody holds the role."""
        return self._holders > 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds the role as long as the block runs."""
        self._holders += 1
        if self._holders == 1:
            for reconciler in self._reconcilers:
                self._runtime.add(reconciler)
        try:
            yield
        finally:
            self._holders -= 1
            if self._holders == 0:
                for reconciler in self._reconcilers:
                    self._runtime.remove(reconciler)


def images(
    registry: Registry, runtime: Runtime, root_certificate: str, ztunnel: Ztunnel, pilot_agent: Command
) -> list[Image]:
    """The images of an ambient installation; `root_certificate` is the mesh's, in PEM."""
    istiod = Role(runtime, reconcilers(registry, root_certificate))
    node = _Node(registry, runtime, ztunnel)
    return [
        _image("pilot", "pilot-discovery", _pilot_discovery(istiod), cmd=("discovery",)),
        _image("install-cni", "install-cni", node.install_cni),
        _image("ztunnel", "ztunnel", node.run_ztunnel),
        _image("proxyv2", "pilot-agent", pilot_agent),
    ]


def _image(name: str, program: str, command: Command, cmd: tuple[str, ...] = ()) -> Image:
    return Image(
        f"istio/{name}",
        {program: command},
        entrypoint=(f"/usr/local/bin/{program}",),
        cmd=cmd,
        user="1337",
    )


def _pilot_discovery(istiod: Role) -> Command:
    pages = {
        8080: {"/ready": fine()},
        15014: {"/version": fine(orjson.dumps(_VERSION)), "/debug/syncz": fine(b"[]"), "/metrics": fine()},
    }

    async def run(invocation: Invocation) -> int:
        with istiod.held(), served(invocation.container, pages):
            await _until_cancelled()
        return 0

    return run


class _Node:
    """The two agents of a node: they work together, and either can be missing for a while."""

    def __init__(self, registry: Registry, runtime: Runtime, ztunnel: Ztunnel) -> None:
        self._runtime = runtime
        self._ztunnel = ztunnel
        self._tunnels = 0
        self._enrolment = Enrolment(Client(registry, "install-cni"), lambda: self._tunnels > 0)
        self._agent = Role(runtime, [self._enrolment])

    async def install_cni(self, invocation: Invocation) -> int:
        with (
            self._agent.held(),
            served(invocation.container, {8000: {"/readyz": fine(), "/healthz": fine()}}),
        ):
            await _until_cancelled()
        return 0

    async def run_ztunnel(self, invocation: Invocation) -> int:
        pages = {
            15021: {"/healthz/ready": fine(b"ready\n")},
            15020: {"/metrics": fine(), "/stats/prometheus": fine()},
        }
        with served(invocation.container, pages):
            self._tunnels += 1
            self._ztunnel.start(invocation.container.log)
            self._look_again()
            try:
                await _until_cancelled()
            finally:
                self._tunnels -= 1
                if not self._tunnels:
                    self._ztunnel.stop()
                self._look_again()
        return 0

    def _look_again(self) -> None:
        if self._agent.active:
            for place in self._enrolment.pods():
                self._runtime.again(self._enrolment, place)


async def _until_cancelled() -> None:
    await asyncio.Event().wait()
