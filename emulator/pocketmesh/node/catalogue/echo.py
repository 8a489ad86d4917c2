"""Gateway API's echo-basic: answers with a description of the request (conformance/echo-basic)."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from pocketmesh.node.commands.web import serve
from pocketmesh.node.images import Image
from pocketmesh.node.process import Invocation

PORT: Final = 3000


async def echo(invocation: Invocation) -> int:
    """Describes every request on port 3000, or on HTTP_PORT."""
    env = invocation.env
    about = {
        "namespace": env.get("NAMESPACE", ""),
        "ingress": env.get("INGRESS_NAME", ""),
        "service": env.get("SERVICE_NAME", ""),
        "pod": env.get("POD_NAME", ""),
    }

    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        headers: dict[str, list[str]] = {}
        for name, value in request.headers.items():
            headers.setdefault(name.title(), []).append(value)
        body: dict[str, Any] = {
            "path": request.path_qs,
            "host": request.host,
            "method": request.method,
            "proto": "HTTP/1.1",
            "headers": headers,
            **about,
        }
        response = web.json_response(body)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    port = int(env.get("HTTP_PORT", PORT))
    await invocation.stdout.write(f"Starting server, listening on port {port} (http)\n".encode())
    await serve(invocation.container, port, answer)
    return 0


IMAGES: Final = (
    Image(
        "gcr.io/k8s-staging-gateway-api/echo-basic",
        {"echo-basic": echo},
        entrypoint=("/echo-basic",),
        aliases=("registry.k8s.io/gateway-api/echo-basic",),
    ),
)
