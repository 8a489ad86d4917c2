"""The program `nginx`, with the entry point of its image."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Final

from pocketmesh.node.apps.nginx.answers import VERSION, answer
from pocketmesh.node.apps.nginx.config import Block, Emergency, parse, read
from pocketmesh.node.apps.nginx.sites import Site, sites, unemulated
from pocketmesh.node.commands.http import Http
from pocketmesh.node.commands.serving import Served, noted, serve
from pocketmesh.node.commands.web import Call, Reply
from pocketmesh.node.process import Files, Invocation

_MAIN: Final = "/etc/nginx/nginx.conf"
_SITES: Final = "/etc/nginx/conf.d"
_PAGES: Final = "/usr/share/nginx/html"
_WELCOME: Final = (
    b"<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head>\n<body>\n"
    b"<h1>Welcome to nginx!</h1>\n<p>The web server runs and has no pages of yours.</p>\n</body>\n</html>\n"
)


async def entrypoint(invocation: Invocation) -> int:
    """`/docker-entrypoint.sh PROGRAM [WORD…]`."""
    words = invocation.argv[1:] or ["nginx"]
    program = invocation.container.commands.get(words[0].rpartition("/")[2])
    if program is None:
        await invocation.stderr.write(f"/docker-entrypoint.sh: exec: {words[0]}: not found\n".encode())
        return 127
    ready = b"/docker-entrypoint.sh: Configuration complete; ready for start up\n"
    await invocation.stdout.write(ready)
    invocation.argv = words
    return await program(invocation)


async def nginx(invocation: Invocation) -> int:
    """`nginx [-g DIRECTIVES] [-t] [-v]`, on port 80 when the configuration names none."""
    return await _run(invocation, 80)


async def unprivileged(invocation: Invocation) -> int:
    """nginx of the image for users that are not root, on port 8080."""
    return await _run(invocation, 8080)


async def _run(invocation: Invocation, port: int) -> int:
    words, files = invocation.argv[1:], invocation.container.files
    if "-v" in words or "-V" in words:
        await invocation.stderr.write(f"nginx version: {VERSION}\n".encode())
        return 0
    if "-s" in words:
        why = b"nginx: -s is not emulated here; for another configuration, restart the pod\n"
        await invocation.stderr.write(why)
        return 1
    try:
        config = _config(files, port)
        found = sites(config, port)
    except Emergency as emergency:
        await invocation.stderr.write(f"nginx: [emerg] {emergency}\n".encode())
        return 1
    for one in unemulated(config):
        what = f'nginx: [warn] "{one.name}" is not emulated here, in {one.place}\n'
        await invocation.stderr.write(what.encode())
    if "-t" in words:
        said = f"configuration file {_MAIN}"
        await invocation.stderr.write(
            f"nginx: the {said} syntax is ok\nnginx: {said} test is successful\n".encode()
        )
        return 0
    if not files.exists(_PAGES):
        files.write(f"{_PAGES}/index.html", _WELCOME)
    now = datetime.now(UTC).strftime("%Y/%m/%d %H:%M:%S")
    await invocation.stderr.write(f"{now} [notice] 1#1: {VERSION}\n".encode())
    numbers = {number for site in found for number in site.ports}
    return await serve(invocation, {number: _port(invocation, found, number) for number in sorted(numbers)})


def _config(files: Files, port: int) -> Block:
    """The configuration that is mounted, or the image's own. Raises Emergency."""
    if files.exists(_MAIN):
        return read(files, _MAIN)
    if not files.exists(_SITES):
        files.write(f"{_SITES}/default.conf", _default(port))
    return parse(f"include {_SITES}/*.conf;", _MAIN, lambda _: _all(files))


def _all(files: Files) -> Block:
    names = [name for name in files.below(_SITES) if name.endswith(".conf")]
    return tuple(one for name in names for one in read(files, name))


def _default(port: int) -> bytes:
    return (
        f"server {{\n    listen {port};\n    server_name localhost;\n\n    location / {{\n"
        f"        root {_PAGES};\n        index index.html index.htm;\n    }}\n}}\n"
    ).encode()


def _port(invocation: Invocation, found: list[Site], port: int) -> partial[Http]:
    container = invocation.container
    known = {"hostname": container.hostname, "server_addr": container.ip}

    async def handler(call: Call) -> Reply:
        return answer(found, container.files, port, call, known)

    return partial(Http, noted(invocation, handler, _line))


def _line(served: Served) -> str:
    call, time = served.call, served.time.strftime("%d/%b/%Y:%H:%M:%S %z")
    request = f"{call.method} {call.target} {call.protocol}"
    agent, forwarded = call.header("user-agent") or "-", call.header("x-forwarded-for") or "-"
    answered = f'"{request}" {served.reply.status} {len(served.reply.body)}'
    return f'{call.client} - - [{time}] {answered} "-" "{agent}" "{forwarded}"'
