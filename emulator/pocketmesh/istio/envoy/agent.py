"""`pilot-agent`, the program of waypoints' and gateways' containers: it looks after Envoy and answers the
probes."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from functools import partial
from http import HTTPStatus
from typing import Final, Protocol

from pocketmesh.istio.endpoints import Page, served
from pocketmesh.istio.envoy.admin import exchange
from pocketmesh.istio.envoy.modules import Load, load
from pocketmesh.istio.envoy.proxy import EnvoyProxy
from pocketmesh.istio.mesh.attachments import ProxyKind
from pocketmesh.istio.mesh.model import Workload, workload_of
from pocketmesh.istio.waypoints import GATEWAY_NAME
from pocketmesh.net.relay import to_pipe
from pocketmesh.net.services import Place
from pocketmesh.node.process import Invocation
from pocketmesh.objects import labels_of, namespace_of, uid_of

STATUS_PORT: Final = 15021
METRICS_PORT: Final = 15020
ENVOY_METRICS_PORT: Final = 15090
ADMIN_PORT: Final = 15000
_KINDS: Final[dict[str, ProxyKind]] = {"proxy waypoint": "waypoint", "proxy router": "router"}
_USAGE: Final = (
    b"pilot-agent: of its commands there are `proxy waypoint`, `proxy router` and `request METHOD PATH`\n"
)


class Proxies(Protocol):
    """Where a Gateway's pod gets its proxy from."""

    def proxy(
        self, kind: ProxyKind, gateway: Place, pod: Workload, uid: str, load: Load
    ) -> AbstractContextManager[EnvoyProxy]:
        """A proxy that is part of the data plane as long as the block runs."""
        ...


class PilotAgent:
    """The command. It ends when Envoy ends, and never with 0, so that the container is started again."""

    def __init__(self, proxies: Proxies) -> None:
        self._proxies = proxies

    async def __call__(self, invocation: Invocation) -> int:
        container = invocation.container
        if invocation.argv[1:2] == ["request"] and len(invocation.argv) == 4:
            return await _request(invocation, *invocation.argv[2:])
        gateway = labels_of(container.pod).get(GATEWAY_NAME)
        kind = _KINDS.get(" ".join(invocation.argv[1:3]))
        if kind is None or not gateway:
            await invocation.stderr.write(_USAGE)
            return 64
        place = (namespace_of(container.pod), gateway)
        pod = workload_of(container.pod, container.ip)
        loading = partial(load, container)
        with self._proxies.proxy(kind, place, pod, uid_of(container.pod), loading) as proxy:

            def readiness(query: str) -> tuple[HTTPStatus, bytes]:
                return (HTTPStatus.OK if proxy.ready else HTTPStatus.SERVICE_UNAVAILABLE), b""

            async def metrics(query: str) -> tuple[HTTPStatus, bytes]:
                return HTTPStatus.OK, proxy.metrics.page() + await proxy.statistics()

            pages: dict[int, dict[str, Page]] = {
                STATUS_PORT: {"/healthz/ready": readiness},
                METRICS_PORT: {"/stats/prometheus": metrics, "/metrics": metrics},
                ENVOY_METRICS_PORT: {"/stats/prometheus": metrics},
            }
            with served(container, pages):
                container.network.listen(container.ip, ADMIN_PORT, lambda: to_pipe(proxy.layout.admin))
                try:
                    code = await proxy.run(invocation.stdout.write, invocation.stderr.write)
                except OSError as error:
                    await invocation.stderr.write(f"pilot-agent: cannot run Envoy: {error}\n".encode())
                    return 1
                finally:
                    container.network.unlisten(container.ip, ADMIN_PORT)
        await invocation.stderr.write(f"pilot-agent: Envoy ended with status {code}\n".encode())
        return code if code > 0 else 1


async def _request(invocation: Invocation, method: str, path: str) -> int:
    """Asks the admin interface of the Envoy in this pod, as `pilot-agent request GET stats` does."""
    container = invocation.container
    try:
        sock = await container.network.dial(container.ip, container.ip, ADMIN_PORT)
        streams = await asyncio.open_connection(sock=sock)
        body = await exchange(*streams, method, f"/{path.lstrip('/')}")
    except (OSError, asyncio.IncompleteReadError) as error:
        await invocation.stderr.write(f"Error: failed to execute command on Envoy: {error}\n".encode())
        return 1
    await invocation.stdout.write(body)
    return 0
