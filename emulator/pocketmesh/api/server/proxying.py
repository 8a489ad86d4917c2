"""`…/pods/NAME/proxy/…` and `…/services/NAME/proxy/…`: a plain HTTP request carried into the cluster.

Upgraded connections are not carried: port-forward is there for them.
Source: kubernetes pkg/registry/core/{pod,service} (ResourceLocation), k8s.io/apimachinery/pkg/util/proxy.
"""

from __future__ import annotations

import socket
from typing import Final

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from pocketmesh.api.connecting import Dialled
from pocketmesh.api.errors import bad_request
from pocketmesh.api.locating import pod_address, service_address, slices_of, unavailable
from pocketmesh.api.runtime import PodRuntime
from pocketmesh.api.server.call import Call
from pocketmesh.api.streams.dialling import said

# RFC 9110 section 7.6.1, and what authenticates the caller to us.
_HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "authorization"}
)


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
        address = service_address(found, port, slices_of(call.registry, place.namespace, name))
    else:
        raise unavailable("this server does not proxy to nodes")
    where = f"{address.ip}:{address.port}"
    try:
        connection = await runtime.dial(place.namespace, address.pod, address.port)
    except OSError as problem:
        raise unavailable(f"error trying to reach service: {said(problem, where)}") from problem
    return await _forward(call.request, where, connection)


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
    async with aiohttp.ClientSession(connector=Dialled(connection), auto_decompress=False) as session:
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
            raise unavailable(f"error trying to reach service: {problem}") from problem
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
