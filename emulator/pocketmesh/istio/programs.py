"""The programs in Istio's images. Each does its work for the cluster while its container runs, so that
scaling istiod to zero stops its controllers, and a node without ztunnel has no mesh.
"""

from __future__ import annotations

import asyncio

import orjson

from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.controllers.runtime import Runtime
from pocketmesh.istio.cni import Enrolment
from pocketmesh.istio.dataplane import DataPlane
from pocketmesh.istio.endpoints import fine, served
from pocketmesh.istio.envoy.agent import ADMIN_PORT, PilotAgent
from pocketmesh.istio.istiod.program import PilotDiscovery
from pocketmesh.istio.resources import PODS
from pocketmesh.istio.role import Role
from pocketmesh.istio.ztunnel.certificates import Certificates
from pocketmesh.istio.ztunnel.config_dump import config_dump
from pocketmesh.node.images import Image
from pocketmesh.node.process import Command, Invocation


def images(registry: Registry, runtime: Runtime, data_plane: DataPlane) -> list[Image]:
    """The images of an ambient installation."""
    istiod = PilotDiscovery(registry, runtime, data_plane)
    node = _Node(registry, runtime, data_plane, istiod)
    return [
        _image("pilot", "pilot-discovery", istiod),
        _image("install-cni", "install-cni", node.install_cni),
        _image("ztunnel", "ztunnel", node.run_ztunnel),
        _image("proxyv2", "pilot-agent", PilotAgent(data_plane)),
    ]


def _image(name: str, program: str, command: Command) -> Image:
    return Image(f"istio/{name}", {program: command}, entrypoint=(f"/usr/local/bin/{program}",), user="1337")


class _Node:
    """The two agents of a node: they work together, and either can be missing for a while."""

    def __init__(
        self, registry: Registry, runtime: Runtime, data_plane: DataPlane, istiod: PilotDiscovery
    ) -> None:
        self._registry = registry
        self._runtime = runtime
        self._data_plane = data_plane
        self._istiod = istiod
        self._client = Client(registry, "install-cni")
        self._certificates = Certificates()
        self._ztunnel = Role(lambda: None, data_plane.stop)
        self._enrolment = Enrolment(self._client, lambda: self._ztunnel.active)
        self._agent = Role(lambda: runtime.add(self._enrolment), lambda: runtime.remove(self._enrolment))

    async def install_cni(self, invocation: Invocation) -> int:
        pages = {8000: {"/readyz": fine(), "/healthz": fine()}, 15014: {"/metrics": fine()}}
        with self._agent.held(), served(invocation.container, pages):
            await _until_cancelled()
        return 0

    async def run_ztunnel(self, invocation: Invocation) -> int:
        pages = {
            ADMIN_PORT: {"/config_dump": fine(self._config_dump)},
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

    def _config_dump(self) -> bytes:
        mesh = self._data_plane.mesh
        pods = {
            pod["status"]["podIP"]: pod
            for pod in self._client.all(PODS)
            if (pod.get("status") or {}).get("podIP") in mesh.workloads
        }
        identities = (workload.identity for workload in mesh.workloads.values() if workload.enrolled)
        now = self._registry.clock.now()
        certificates = self._certificates.dump(identities, self._istiod.authority, now)
        dump = config_dump(mesh, pods, self._data_plane.connections(), certificates)
        return orjson.dumps(dump, option=orjson.OPT_INDENT_2)

    def _look_again(self) -> None:
        if self._agent.active:
            for place in self._enrolment.pods():
                self._runtime.again(self._enrolment, place)


async def _until_cancelled() -> None:
    await asyncio.Event().wait()
