"""Gateway API's echo-basic: answers with a description of the request (conformance/echo-basic).

The image can also be a gRPC or a TCP server; that it is not here, echo-advanced is.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from pocketmesh.node.commands.durations import seconds
from pocketmesh.node.commands.http import Http
from pocketmesh.node.commands.tls import Tls, server_context
from pocketmesh.node.commands.web import Call, Reply
from pocketmesh.node.images import Image
from pocketmesh.node.process import Invocation

_STATUS: Final = re.compile(r"/status/(\d\d\d)")
_JSON: Final = (("content-type", "application/json"), ("x-content-type-options", "nosniff"))
_TLS: Final = ("TLS_SERVER_CERT", "TLS_SERVER_PRIVKEY")
_UNABLE: Final = ("GRPC_ECHO_SERVER", "TCP_ECHO_SERVER")

Factory = Callable[[], asyncio.Protocol]


async def echo(invocation: Invocation) -> int:
    """Describes every request on the ports HTTP_PORT (3000), H2C_PORT (3001) and, with a certificate,
    HTTPS_PORT (8443)."""
    env, container = invocation.env, invocation.container
    unable = next((name for name in _UNABLE if env.get(name)), None)
    if unable:
        await invocation.stderr.write(f"echo-basic: {unable} is not emulated here\n".encode())
        return 1
    with ExitStack() as stack:
        for port, (what, factory) in _ports(invocation).items():
            container.network.listen(container.ip, port, factory)
            stack.callback(container.network.unlisten, container.ip, port)
            text = f"Starting server, listening on port {port} ({what})\n"
            await invocation.stdout.write(text.encode())
        await asyncio.Event().wait()
    return 0


def _ports(invocation: Invocation) -> dict[int, tuple[str, Factory]]:
    env, files = invocation.env, invocation.container.files
    answer = partial(_answer, _about(invocation))
    found: dict[int, tuple[str, Factory]] = {
        int(env.get("HTTP_PORT") or 3000): ("http", partial(Http, answer)),
        int(env.get("H2C_PORT") or 3001): ("h2c", partial(Http, partial(_http2_only, answer))),
    }
    if all(env.get(name) for name in _TLS):
        certificate, key = (files.read(env[name]) for name in _TLS)
        context = server_context(certificate, key, ("h2", "http/1.1"))
        https = partial(Tls, context, partial(Http, answer))
        found[int(env.get("HTTPS_PORT") or 8443)] = ("https", https)
    return found


def _about(invocation: Invocation) -> dict[str, str]:
    """What the variables say about where it runs."""
    env = invocation.env
    return {
        "httpPort": env.get("HTTP_PORT") or "3000",
        "namespace": env.get("NAMESPACE", ""),
        "ingress": env.get("INGRESS_NAME", ""),
        "service": env.get("SERVICE_NAME", ""),
        "pod": env.get("POD_NAME", ""),
    }


async def _http2_only(answer: Callable[[Call], Any], call: Call) -> Reply:
    if call.protocol != "HTTP/2.0":
        return Reply(HTTPStatus.BAD_REQUEST, body=b"Expected h2c request")
    reply: Reply = await answer(call)
    return reply


async def _answer(about: dict[str, str], call: Call) -> Reply:
    parts = urlsplit(call.target)
    if parts.path == "/health":
        return Reply(body=b"OK")
    if parts.path.startswith("/status/"):
        wanted = _STATUS.fullmatch(call.target)
        return Reply(int(wanted.group(1)) if wanted else HTTPStatus.BAD_REQUEST)
    try:
        await asyncio.sleep(seconds(parse_qs(parts.query).get("delay", ["0"])[0]))
    except ValueError as wrong:
        body = json.dumps({"message": str(wrong)}).encode()
        return Reply(HTTPStatus.INTERNAL_SERVER_ERROR, _JSON, body)
    return Reply(headers=(*_wanted_headers(call), *_JSON), body=_description(about, call))


def _description(about: dict[str, str], call: Call) -> bytes:
    headers: dict[str, list[str]] = {}
    for name, value in sorted(call.headers):
        if name != "host":
            headers.setdefault(name.title(), []).append(value)
    body: dict[str, Any] = {
        "path": call.target,
        "host": call.authority,
        "method": call.method,
        "proto": call.protocol,
        "headers": headers,
        **about,
    }
    if call.alpn:
        body["tls"] = {"negotiatedProtocol": call.alpn}
    return json.dumps(body, indent=1).encode()


def _wanted_headers(call: Call) -> list[tuple[str, str]]:
    """`X-Echo-Set-Header: name:value, name:value`: headers of the answer."""
    found: dict[str, str] = {}
    for name, value in call.headers:
        if name == "x-echo-set-header":
            for entry in value.split(","):
                key, _, text = entry.strip().partition(":")
                found[key] = f"{found[key]},{text.strip()}" if key in found else text
    return list(found.items())


IMAGES: Final = (
    Image(
        "gcr.io/k8s-staging-gateway-api/echo-basic",
        {"echo-basic": echo},
        entrypoint=("/echo-basic",),
        aliases=("registry.k8s.io/gateway-api/echo-basic",),
    ),
)
