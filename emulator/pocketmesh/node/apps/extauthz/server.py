"""The server: it lets a request pass that has the header `x-ext-authz: allow`, or whose client runs as
the service account that it is told of (istio/istio samples/extauthz). Envoy's v2 API is not spoken."""

from __future__ import annotations

from functools import partial
from typing import Final

from pocketmesh.node.apps.extauthz import check
from pocketmesh.node.apps.extauthz.check import CHECK, Check
from pocketmesh.node.commands.flags import WrongUsage, doubled, parse
from pocketmesh.node.commands.grpc import INTERNAL, answered, refused, unframed, unknown
from pocketmesh.node.commands.http import Http, http2
from pocketmesh.node.commands.serving import serve
from pocketmesh.node.commands.web import Call, Reply
from pocketmesh.node.process import Invocation, Output

_HEADER: Final = "x-ext-authz"
_RESULT: Final = "x-ext-authz-check-result"
_RECEIVED: Final = "x-ext-authz-check-received"
_OVERRIDE: Final = "x-ext-authz-additional-header-override"
_FIXED: Final = "grpc-additional-header-override-value"
_WHY: Final = f"denied by ext_authz for not found header `{_HEADER}: allow` in the request"


async def extauthz(invocation: Invocation) -> int:
    """`extauthz [-http PORT] [-grpc PORT] [-allow_service_account NAME]`."""
    words = doubled(invocation.argv[1:])
    try:
        flags = parse(
            words,
            valued=("http", "grpc", "allow_service_account"),
            switches=(),
            short={},
        )
        http, grpc = flags.number("http", 8000), flags.number("grpc", 9000)
    except WrongUsage as wrong:
        await invocation.stderr.write(f"{wrong}\n".encode())
        return 2
    account = flags.last("allow_service_account", "a")
    await invocation.stderr.write(f"Starting HTTP server at [::]:{http}\n".encode())
    await invocation.stderr.write(f"Starting gRPC server at [::]:{grpc}\n".encode())
    by_http = partial(Http, partial(_over_http, invocation.stderr))
    by_grpc = partial(http2, partial(_over_grpc, invocation.stderr, account))
    return await serve(invocation, {http: by_http, grpc: by_grpc})


async def _over_http(log: Output, call: Call) -> Reply:
    passes, reply = judged(call)
    received = dict(reply.headers)[_RECEIVED]
    await log.write(f"[HTTP][{_word(passes)}]: {received}\n".encode())
    return reply


async def _over_grpc(log: Output, account: str, call: Call) -> Reply:
    if call.target != CHECK:
        return unknown(call.target)
    try:
        asked = check.read(unframed(call.body))
    except (ValueError, IndexError) as damaged:
        return refused(INTERNAL, str(damaged))
    passes, message = checked(asked, account)
    await log.write(f"[gRPCv3][{_word(passes)}]: {_seen(asked)}\n".encode())
    return answered(message)


def judged(call: Call) -> tuple[bool, Reply]:
    """Whether a request over HTTP passes, and the answer that says so."""
    passes = call.header(_HEADER).lower() == "allow"
    shown = " ".join(f"{name.title()}:[{value}]" for name, value in sorted(call.headers))
    body = call.body.decode(errors="replace")
    received = f"{call.method} {call.authority}{call.target}, headers: map[{shown}], body: [{body}]"
    headers = [(_RESULT, _word(passes)), (_RECEIVED, received.replace("\n", " ").replace("\r", " "))]
    if override := call.header(_OVERRIDE):
        headers.append((_OVERRIDE, override))
    return passes, Reply(200 if passes else 403, tuple(headers), b"" if passes else _WHY.encode())


def checked(asked: Check, account: str) -> tuple[bool, bytes]:
    """Whether a request that Envoy describes passes, and the message that says so."""
    given = asked.headers.get(_HEADER, "") == "allow"
    passes = given or asked.source.endswith(f"/sa/{account}")
    headers = {_RESULT: _word(passes), _RECEIVED: _seen(asked), _OVERRIDE: _FIXED}
    return passes, check.allowed(headers) if passes else check.denied(headers, _WHY)


def _seen(asked: Check) -> str:
    """What was asked, on one line."""
    headers = " ".join(f'"{name}":"{value}"' for name, value in sorted(asked.headers.items()))
    source, destination = f'source:{{principal:"{asked.source}"}}', f'principal:"{asked.destination}"'
    http = f'method:"{asked.method}" headers:{{{headers}}} path:"{asked.path}" host:"{asked.host}"'
    seen = f"{asked.host}{asked.path}, attributes: {source} destination:{{{destination}}} request:{{{http}}}"
    return seen.replace("\n", " ").replace("\r", " ")


def _word(passes: bool) -> str:
    return "allowed" if passes else "denied"
