"""A server of a JSON Web Key Set, in the manner of Istio's jwt-server sample. Its keys are those in the file
that JWKS_FILE names; none are built in."""

from __future__ import annotations

from functools import partial
from typing import Final

from pocketmesh.node.commands.flags import WrongUsage, doubled, parse
from pocketmesh.node.commands.http import Http
from pocketmesh.node.commands.serving import Ports, serve
from pocketmesh.node.commands.tls import Tls, self_signed, server_context
from pocketmesh.node.commands.web import Call, Reply
from pocketmesh.node.process import Files, Invocation

_NO_KEYS: Final = b'{"keys": []}'
_PATHS: Final = ("/jwks", "/.well-known/jwks.json")


async def jwt_server(invocation: Invocation) -> int:
    """`jwt-server [-http PORT] [-https PORT] [-cert FILE] [-key FILE]`."""
    words = doubled(invocation.argv[1:])
    try:
        flags = parse(words, valued=("http", "https", "cert", "key"), switches=(), short={})
        http, https = flags.number("http", 8000), flags.number("https", 8443)
    except WrongUsage as wrong:
        await invocation.stderr.write(f"{wrong}\n".encode())
        return 2
    files, path = invocation.container.files, invocation.env.get("JWKS_FILE")
    try:
        keys = files.read(path) if path else _NO_KEYS
    except FileNotFoundError:
        await invocation.stderr.write(f"open {path}: no such file or directory\n".encode())
        return 1
    pair = _pair(files, flags.last("cert"), flags.last("key"))
    context = server_context(*pair, alpn=("h2", "http/1.1"))
    answering = partial(_answer, keys)
    ports: Ports = {
        http: partial(Http, answering),
        https: partial(Tls, context, partial(Http, answering)),
    }
    for scheme, port in (("HTTP", http), ("HTTPS", https)):
        await invocation.stderr.write(f"Starting {scheme} server at [::]:{port}\n".encode())
    return await serve(invocation, ports)


async def _answer(keys: bytes, call: Call) -> Reply:
    if call.path not in _PATHS:
        return Reply(404, (("content-type", "text/plain; charset=utf-8"),), b"404 page not found\n")
    return Reply(headers=(("content-type", "application/json"),), body=keys)


def _pair(files: Files, certificate: str, key: str) -> tuple[bytes, bytes]:
    """The certificate that the command line names, or one that nobody trusts."""
    try:
        return files.read(certificate), files.read(key)
    except FileNotFoundError:
        return self_signed("jwt-server")
