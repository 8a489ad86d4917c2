"""The programs in Istio's images. Each does its work for the cluster while its container runs, so that
scaling istiod to zero stops its controllers, and a node without ztunnel has no mesh.
"""

from __future__ import annotations

import asyncio

import orjson

from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.controllers.runtime import Runtime
from pocketmesh.istio.cni import Enrolment, enrolled, sandbox_failure
from pocketmesh.istio.dataplane import DataPlane
from pocketmesh.istio.endpoints import Page, fine, served
from pocketmesh.istio.envoy.agent import ADMIN_PORT, PilotAgent
from pocketmesh.istio.istiod.program import PilotDiscovery
from pocketmesh.istio.mesh.model import ROOT_NAMESPACE
from pocketmesh.istio.resources import DAEMON_SETS, NAMESPACES, PODS
from pocketmesh.istio.role import Role
from pocketmesh.istio.telemetry.programs import cni_page
from pocketmesh.istio.ztunnel.certificates import Certificates
from pocketmesh.istio.ztunnel.config_dump import config_dump
from pocketmesh.istio.ztunnel.levels import LogLevels
from pocketmesh.net.fabric import Fabric
from pocketmesh.node.images import Image
from pocketmesh.node.network import SandboxFailed
from pocketmesh.node.process import Command, Invocation
from pocketmesh.objects import Object, namespace_of


def images(registry: Registry, runtime: Runtime, fabric: Fabric, data_plane: DataPlane) -> list[Image]:
    """The images of an ambient installation."""
    istiod = PilotDiscovery(registry, runtime, data_plane)
    node = _Node(registry, runtime, fabric, data_plane, istiod)
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
        self,
        registry: Registry,
        runtime: Runtime,
        fabric: Fabric,
        data_plane: DataPlane,
        istiod: PilotDiscovery,
    ) -> None:
        self._registry = registry
        self._runtime = runtime
        self._fabric = fabric
        self._data_plane = data_plane
        self._istiod = istiod
        self._client = Client(registry, "install-cni")
        self._certificates = Certificates()
        self._ztunnel = Role(lambda: None, data_plane.stop)
        self._enrolment = Enrolment(self._client, lambda: self._ztunnel.active)
        self._agent = Role(self._start_agent, self._stop_agent)

    def _start_agent(self) -> None:
        self._fabric.plug(self._admit)
        self._runtime.add(self._enrolment)

    def _stop_agent(self) -> None:
        """Leaves the plugin in place, so that no pod slips past the mesh, unless istio-cni was removed."""
        self._runtime.remove(self._enrolment)
        daemon_set = self._client.get(DAEMON_SETS, ROOT_NAMESPACE, "istio-cni-node")
        if daemon_set is None or "deletionTimestamp" in daemon_set["metadata"]:
            self._fabric.plug(None)

    def _admit(self, pod: Object) -> None:
        namespace = self._client.get(NAMESPACES, "", namespace_of(pod)) or {}
        if enrolled(pod, namespace):
            failure = sandbox_failure(agent=self._agent.active, ztunnel=self._ztunnel.active)
            if failure:
                raise SandboxFailed(failure)

    async def install_cni(self, invocation: Invocation) -> int:
        pages = {8000: {"/readyz": fine(), "/healthz": fine()}, 15014: {"/metrics": fine(self._cni_metrics)}}
        with self._agent.held(), served(invocation.container, pages):
            await _until_cancelled()
        return 0

    def _cni_metrics(self) -> bytes:
        return cni_page(ztunnels=int(self._ztunnel.active))

    async def run_ztunnel(self, invocation: Invocation) -> int:
        pages: dict[int, dict[str, Page]] = {
            ADMIN_PORT: {"/config_dump": fine(self._config_dump), "/logging": LogLevels()},
            15021: {"/healthz/ready": fine(b"ready\n")},
            15020: dict.fromkeys(("/metrics", "/stats/prometheus"), fine(self._data_plane.metrics)),
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
