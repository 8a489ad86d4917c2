"""nc: connect to a port, or only see whether it is open."""

from __future__ import annotations

import asyncio

from pocketmesh.node.commands.dialling import dial
from pocketmesh.node.commands.names import addresses
from pocketmesh.node.network import NameNotFound
from pocketmesh.node.process import Invocation


async def nc(invocation: Invocation) -> int:
    """`nc [-v] [-z] [-w SECONDS] HOST PORT`."""
    words, flags, limit, plain = list(invocation.argv[1:]), "", None, []
    while words:
        word = words.pop(0)
        if word.startswith("-") and len(word) > 1:
            flags += word[1:]
            if word.endswith("w") and words:
                limit = float(words.pop(0))
        else:
            plain.append(word)
    if len(plain) != 2 or not plain[1].isdecimal():
        await invocation.stderr.write(b"BusyBox nc: usage: nc [-v] [-z] [-w SECONDS] HOST PORT\n")
        return 1
    host, port = plain[0], int(plain[1])
    try:
        address = addresses(invocation.container, host)[0]
        async with asyncio.timeout(limit):
            sock = await dial(invocation.container, address, port)
    except NameNotFound:
        await invocation.stderr.write(f"nc: bad address '{host}'\n".encode())
        return 1
    except OSError as error:
        why = "timed out" if isinstance(error, TimeoutError) else "Connection refused"
        await invocation.stderr.write(f"nc: {host} ({address}:{port}): {why}\n".encode())
        return 1
    if "v" in flags:
        await invocation.stderr.write(f"{host} ({address}:{port}) open\n".encode())
    if "z" in flags:
        sock.close()
        return 0
    reader, writer = await asyncio.open_connection(sock=sock)
    sending = asyncio.ensure_future(_send(invocation, writer))
    try:
        while chunk := await reader.read(65536):
            await invocation.stdout.write(chunk)
    except ConnectionError:
        return 1
    finally:
        sending.cancel()
        writer.close()
    return 0


async def _send(invocation: Invocation, writer: asyncio.StreamWriter) -> None:
    while chunk := await invocation.stdin.read():
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
