"""`pilot-agent`, the program of a waypoint's container: it looks after Envoy and answers the probes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import Final, Protocol

from pocketmesh.istio.endpoints import Page, served
from pocketmesh.istio.envoy.forward import Forward
from pocketmesh.istio.envoy.proxy import WaypointProxy
from pocketmesh.istio.mesh.model import Workload, workload_of
from pocketmesh.istio.waypoints import GATEWAY_NAME
from pocketmesh.net.services import Place
from pocketmesh.node.process import Invocation
from pocketmesh.objects import labels_of, namespace_of, uid_of

STATUS_PORT: Final = 15021
ADMIN_PORT: Final = 15000
_USAGE: Final = b"pilot-agent: this cluster runs it as `pilot-agent proxy waypoint` only\n"


class Waypoints(Protocol):
    """Where a waypoint's pod gets its proxy from."""

    def waypoint(self, waypoint: Place, pod: Workload, uid: str) -> AbstractContextManager[WaypointProxy]:
        """A proxy that is part of the data plane as long as the block runs."""
        ...


class PilotAgent:
    """The command. It ends when Envoy ends, and never with 0, so that the container is started again."""

    def __init__(self, waypoints: Waypoints) -> None:
        self._waypoints = waypoints

    async def __call__(self, invocation: Invocation) -> int:
        container = invocation.container
        gateway = labels_of(container.pod).get(GATEWAY_NAME)
        if invocation.argv[1:3] != ["proxy", "waypoint"] or not gateway:
            await invocation.stderr.write(_USAGE)
            return 64
        place = (namespace_of(container.pod), gateway)
        pod = workload_of(container.pod, container.ip)
        with self._waypoints.waypoint(place, pod, uid_of(container.pod)) as proxy:

            def readiness(query: str) -> tuple[HTTPStatus, bytes]:
                return (HTTPStatus.OK if proxy.ready else HTTPStatus.SERVICE_UNAVAILABLE), b""

            ready: Page = readiness
            with served(container, {STATUS_PORT: {"/healthz/ready": ready}}):
                container.network.listen(container.ip, ADMIN_PORT, lambda: Forward(proxy.layout.admin))
                try:
                    code = await proxy.run(invocation.stdout.write, invocation.stderr.write)
                except OSError as error:
                    await invocation.stderr.write(f"pilot-agent: cannot run Envoy: {error}\n".encode())
                    return 1
                finally:
                    container.network.unlisten(container.ip, ADMIN_PORT)
        await invocation.stderr.write(f"pilot-agent: Envoy ended with status {code}\n".encode())
        return code if code > 0 else 1
