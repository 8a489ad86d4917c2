"""`fortio`: load, curl, and the servers."""

from __future__ import annotations

from pocketmesh.node.apps.fortio.load import head, load
from pocketmesh.node.apps.fortio.server import server
from pocketmesh.node.apps.fortio.wish import SWITCHES, VALUED, VERSION, Wish, wish
from pocketmesh.node.commands.calling import Caller
from pocketmesh.node.commands.curl.connections import Failed
from pocketmesh.node.commands.flags import WrongUsage, doubled, parse
from pocketmesh.node.process import Invocation


async def fortio(invocation: Invocation) -> int:
    """`fortio load|curl|server|version [flags] [URL]`."""
    verb, *words = invocation.argv[1:] or [""]
    try:
        flags = parse(doubled(words), valued=VALUED, switches=SWITCHES, short={})
        match verb:
            case "version":
                await invocation.stdout.write(f"{VERSION}\n".encode())
                return 0
            case "server":
                return await server(invocation, flags)
            case "load" | "curl":
                run = _curl if verb == "curl" or flags.on("curl") else load
                return await run(invocation, wish(flags))
            case _:
                raise WrongUsage(f"{verb or 'no command'}: emulated here are load, curl, server and version")
    except WrongUsage as wrong:
        await invocation.stderr.write(f"fortio: {wrong}\n".encode())
        return 1


async def _curl(invocation: Invocation, wanted: Wish) -> int:
    caller = Caller(invocation.container)
    try:
        response = await caller.call(wanted.request)
    except Failed as failure:
        await invocation.stderr.write(f"Error fetching {wanted.request.url}: {failure.message}\n".encode())
        return 1
    finally:
        caller.close()
    await invocation.stdout.write(head(response).encode() + bytes(response.body))
    return 0 if 200 <= response.status < 300 else 1
