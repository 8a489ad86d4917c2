"""`…/pods/NAME/proxy/…` and `…/services/NAME/proxy/…`: a plain HTTP request carried into the cluster.

Upgraded connections are not carried: port-forward is there for them.
Source: kubernetes pkg/registry/core/{pod,service} (ResourceLocation), k8s.io/apimachinery/pkg/util/proxy.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from aiohttp import web
from aiohttp.client_proto import ResponseHandler
from multidict import CIMultiDict

from pocketmesh.api.errors import ApiError, bad_request
from pocketmesh.api.registry import Registry
from pocketmesh.api.runtime import PodRuntime
from pocketmesh.api.selectors import EVERYTHING
from pocketmesh.api.server.call import Call
from pocketmesh.api.streams.dialling import said
from pocketmesh.objects import Object, labels_of

# RFC 9110 section 7.6.1, and what authenticates the caller to us.
_HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "authorization"}
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a proxied request goes: a port of a pod."""

    pod: str
    ip: str
    port: int


def split(name: str) -> tuple[str, str, str] | None:
    """Scheme, name and port of `[SCHEME:]NAME[:PORT]`; None for anything else."""
    match name.split(":"):
        case [only]:
            return "", only, ""
        case [first, port]:
            return "", first, port
        case [("" | "http" | "https") as scheme, middle, port]:
            return scheme, middle, port
    return None


def pod_address(pod: Object, port: str) -> Address:
    """A pod's own; without a port, the first that a container names. Raises ApiError 400."""
    found = port
    if not port:
        named = (p for container in pod["spec"]["containers"] for p in container.get("ports") or [])
        found = str(next((p["containerPort"] for p in named), 80))
    if not found.isdigit():
        raise bad_request(f'invalid pod request "{pod["metadata"]["name"]}:{port}"')
    return Address(pod["metadata"]["name"], (pod.get("status") or {}).get("podIP", ""), int(found))


def service_address(service: Object, port: str, slices: list[Object]) -> Address:
    """One of a Service's ready endpoints. Raises ApiError 503 when there is none."""
    name = service["metadata"]["name"]
    if port.isdigit():
        ports = service["spec"].get("ports") or []
        numbered = [p.get("name", "") for p in ports if p["port"] == int(port)]
        if not numbered:
            raise _unavailable(f'no service port {port} found for service "{name}"')
        port = numbered[0]
    for found in slices:
        for target in found.get("ports") or []:
            for endpoint in found.get("endpoints") or []:
                if (target.get("name") or "") == port and (endpoint.get("conditions") or {}).get("ready"):
                    pod = (endpoint.get("targetRef") or {}).get("name", "")
                    return Address(pod, endpoint["addresses"][0], target["port"])
    raise _unavailable(f'no endpoints available for service "{name}"')


async def proxy(call: Call, runtime: PodRuntime) -> web.StreamResponse:
    """The answer of what is proxied to. Raises ApiError 400, 404, 503."""
    place = call.target
    parts = split(place.name)
    if parts is None:
        raise bad_request(f'invalid {call.kind.singular} request "{place.name}"')
    _, name, port = parts
    found = call.registry.get(call.kind, place.namespace, name)
    if call.kind.kind == "Pod":
        address = pod_address(found, port)
    elif call.kind.kind == "Service":
        address = service_address(found, port, _slices(call.registry, place.namespace, name))
    else:
        raise _unavailable("this server does not proxy to nodes")
    where = f"{address.ip}:{address.port}"
    try:
        connection = await runtime.dial(place.namespace, address.pod, address.port)
    except OSError as problem:
        raise _unavailable(f"error trying to reach service: {said(problem, where)}") from problem
    return await _forward(call.request, where, connection)


def _slices(registry: Registry, namespace: str, service: str) -> list[Object]:
    kind = registry.kinds.stored("endpointslices.discovery.k8s.io")
    found = (stored.object for stored in registry.list(kind, namespace, EVERYTHING).items)
    return [each for each in found if labels_of(each).get("kubernetes.io/service-name") == service]


def rest(raw_path: str) -> str:
    """What is asked of the other side, query and all, of `/api/v1/namespaces/NS/pods/NAME/proxy/…`."""
    return "/".join(raw_path.split("/")[8:])


async def _forward(request: web.BaseRequest, where: str, connection: socket.socket) -> web.StreamResponse:
    headers = CIMultiDict(
        (name, value)
        for name, value in request.headers.items()
        if name.lower() not in _HOP_BY_HOP and not name.lower().startswith("impersonate-")
    )
    headers["X-Forwarded-Uri"] = request.path
    async with aiohttp.ClientSession(connector=_Dialled(connection), auto_decompress=False) as session:
        try:
            answer = await session.request(
                request.method,
                f"http://{where}/{rest(request.raw_path)}",
                headers=headers,
                data=request.content if request.can_read_body else None,
                allow_redirects=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        except aiohttp.ClientError as problem:
            raise _unavailable(f"error trying to reach service: {problem}") from problem
        async with answer:
            kept = ((n, v) for n, v in answer.headers.items() if n.lower() not in _HOP_BY_HOP)
            response = web.StreamResponse(
                status=answer.status, reason=answer.reason, headers=CIMultiDict(kept)
            )
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response


class _Dialled(aiohttp.BaseConnector):
    """Makes the one connection of a session out of a socket that is connected already."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(force_close=True)
        self._connection = connection

    async def _create_connection(self, *_: Any) -> ResponseHandler:
        factory: Callable[[], ResponseHandler] = self._factory
        loop = asyncio.get_running_loop()
        opened = await loop.create_connection(factory, sock=self._connection)
        return opened[1]


def _unavailable(why: str) -> ApiError:
    return ApiError(503, "ServiceUnavailable", why)
