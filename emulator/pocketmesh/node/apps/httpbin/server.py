"""The two programs: `go-httpbin`, and gunicorn with the one in Python."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from itertools import pairwise

from pocketmesh.node.apps.httpbin.answers import answer, pause
from pocketmesh.node.apps.httpbin.request import Asked
from pocketmesh.node.commands.flags import WrongUsage, doubled, parse
from pocketmesh.node.commands.serving import Served, serve_http
from pocketmesh.node.commands.web import Call, Reply
from pocketmesh.node.process import Invocation

_BOUND = re.compile(r"(?:^|:)(\d+)$")


async def go_httpbin(invocation: Invocation) -> int:
    """`go-httpbin [-port N]`; PORT counts when there is no flag."""
    words = doubled(invocation.argv[1:])
    valued = ("port", "host", "max-duration", "max-body-size", "log-format")
    try:
        flags = parse(words, valued=valued, switches=("use-real-hostname",), short={})
        port = flags.number("port", int(invocation.env.get("PORT") or 8080))
    except (WrongUsage, ValueError) as wrong:
        await invocation.stderr.write(f"error: {wrong}\n".encode())
        return 2
    await invocation.stderr.write(
        f'level=INFO msg="go-httpbin listening on http://0.0.0.0:{port}"\n'.encode()
    )
    return await serve_http(invocation, partial(answered, True), port, note=_structured)


async def gunicorn(invocation: Invocation) -> int:
    """`gunicorn [-b ADDRESS:PORT] httpbin:app`."""
    words, port = invocation.argv[1:], 80
    for option, value in pairwise(words):
        if option in ("-b", "--bind") and (bound := _BOUND.search(value)):
            port = int(bound.group(1))
    await invocation.stderr.write(f"[1] [INFO] Listening at: http://0.0.0.0:{port} (1)\n".encode())
    return await serve_http(invocation, partial(answered, False), port, note=_common)


async def answered(go: bool, call: Call) -> Reply:
    """The answer of either program, when its time has come."""
    asked = Asked(call, go)
    await asyncio.sleep(pause(asked))
    reply = answer(asked)
    if go:
        return reply
    return Reply(reply.status, (*reply.headers, ("server", "gunicorn/19.9.0")), reply.body)


def _structured(served: Served) -> str:
    call, status, spent = served.call, served.reply.status, served.seconds * 1000
    level = "ERROR" if status >= 500 else "WARN" if status >= 400 else "INFO"
    message = f'msg="{status} {call.method} {call.target} {spent:.1f}ms" status={status} method={call.method}'
    client = f"size_bytes={len(served.reply.body)} duration_ms={spent:.3f}"
    agent = f'user_agent="{call.header("user-agent")}" client_ip={call.client}'
    time = served.time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f'time={time} level={level} {message} uri="{call.target}" {client} {agent}'


def _common(served: Served) -> str:
    call, time = served.call, served.time.strftime("%d/%b/%Y:%H:%M:%S %z")
    request = f"{call.method} {call.target} {call.protocol}"
    size, agent = len(served.reply.body), call.header("user-agent")
    return f'{call.client} - - [{time}] "{request}" {served.reply.status} {size} "-" "{agent}"'
