"""The programs in Istio's images. Each does its work for the cluster while its container runs, so that
scaling istiod to zero stops its controllers, and a node without ztunnel has no mesh.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import orjson

from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.controllers.runtime import Runtime
from pocketmesh.istio.cni import Enrolment
from pocketmesh.istio.dataplane import DataPlane
from pocketmesh.istio.endpoints import fine, served
from pocketmesh.istio.envoy.agent import PilotAgent
from pocketmesh.istio.istiod import reconcilers
from pocketmesh.node.images import Image
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


class Role:
    """Work that goes on while at least one container does it."""

    def __init__(self, start: Callable[[], None], stop: Callable[[], None]) -> None:
        self._start = start
        self._stop = stop
        self._holders = 0

    @property
    def active(self) -> bool:
        """Whether anybody does it."""
        return self._holders > 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Does it as long as the block runs: the first to come starts it, the last to go stops it."""
        self._holders += 1
        if self._holders == 1:
            self._start()
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                self._stop()


def images(registry: Registry, runtime: Runtime, root_certificate: str, data_plane: DataPlane) -> list[Image]:
    """The images of an ambient installation; `root_certificate` is the mesh's, in PEM."""
    node = _Node(registry, runtime, data_plane)
    return [
        _image("pilot", "pilot-discovery", _pilot_discovery(registry, runtime, root_certificate, data_plane)),
        _image("install-cni", "install-cni", node.install_cni),
        _image("ztunnel", "ztunnel", node.run_ztunnel),
        _image("proxyv2", "pilot-agent", PilotAgent(data_plane)),
    ]


def _image(name: str, program: str, command: Command) -> Image:
    return Image(f"istio/{name}", {program: command}, entrypoint=(f"/usr/local/bin/{program}",), user="1337")


def _pilot_discovery(
    registry: Registry, runtime: Runtime, root_certificate: str, data_plane: DataPlane
) -> Command:
    controllers = [*reconcilers(registry, root_certificate), data_plane]

    def start() -> None:
        for controller in controllers:
            runtime.add(controller)

    def stop() -> None:
        for controller in controllers:
            runtime.remove(controller)

    istiod = Role(start, stop)
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

    def __init__(self, registry: Registry, runtime: Runtime, data_plane: DataPlane) -> None:
        self._runtime = runtime
        self._data_plane = data_plane
        self._ztunnel = Role(lambda: None, data_plane.stop)
        self._enrolment = Enrolment(Client(registry, "install-cni"), lambda: self._ztunnel.active)
        self._agent = Role(lambda: runtime.add(self._enrolment), lambda: runtime.remove(self._enrolment))

    async def install_cni(self, invocation: Invocation) -> int:
        pages = {8000: {"/readyz": fine(), "/healthz": fine()}, 15014: {"/metrics": fine()}}
        with self._agent.held(), served(invocation.container, pages):
            await _until_cancelled()
        return 0

    async def run_ztunnel(self, invocation: Invocation) -> int:
        pages = {
            15021: {"/healthz/ready": fine(b"ready\n")},
            15020: {"/metrics": fine(), "/stats/prometheus": fine()},
        }
        try:
            with self._ztunnel.held(), served(invocation.container, pages):
                # During a roll-out the new one takes over while the old one is still there.
                self._data_plane.start(invocation.container.log)
                self._look_again()
                await _until_cancelled()
        finally:
            self._look_again()
        return 0

    def _look_again(self) -> None:
        if self._agent.active:
            for place in self._enrolment.pods():
                self._runtime.again(self._enrolment, place)


async def _until_cancelled() -> None:
    await asyncio.Event().wait()
