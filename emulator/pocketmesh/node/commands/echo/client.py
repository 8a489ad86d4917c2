"""`client`, the program that makes requests to echo servers and prints what they answer.

Upstream: istio/istio pkg/test/echo/cmd/client/main.go. Requests are made one after the other on one
connection, where upstream makes several at a time.
"""

from __future__ import annotations

from typing import Final

from pocketmesh.node.commands.durations import seconds
from pocketmesh.node.commands.echo.forwarding import Forwarder, Unsuccessful, Wish
from pocketmesh.node.commands.flags import Flags, WrongUsage, parse
from pocketmesh.node.process import Invocation

_VALUED: Final = ("count", "header", "method", "msg", "timeout")
_SWITCHES: Final = ("follow-redirects", "http2")
_SHORT: Final = {"H": "header", "L": "follow-redirects"}
_FAILED: Final = 255  # os.Exit(-1)


async def client(invocation: Invocation) -> int:
    """`client [--count=N] [--method=M] [-H NAME:VALUE]… URL`."""
    try:
        flags = parse(invocation.argv[1:], valued=_VALUED, switches=_SWITCHES, short=_SHORT)
        wish = _wish(flags)
    except WrongUsage as wrong:
        await invocation.stderr.write(f"Error: {wrong}\n".encode())
        return _FAILED
    forwarder = Forwarder(invocation.container, wish)
    try:
        for number in range(wish.count):
            await invocation.stdout.write((await forwarder.request(number)).encode())
    except Unsuccessful as failed:
        text = f"Error 1/{wish.count} requests had errors; first error: {failed}\n"
        await invocation.stderr.write(text.encode())
        return _FAILED
    finally:
        forwarder.close()
    await invocation.stderr.write(b"All requests succeeded\n")
    return 0


def _wish(flags: Flags) -> Wish:
    """Raises WrongUsage."""
    if len(flags.plain) != 1:
        raise WrongUsage(f"accepts 1 arg(s), received {len(flags.plain)}")
    url, limit = flags.plain[0], flags.last("timeout", "5s")
    try:
        wait = seconds(limit)
    except ValueError as wrong:
        raise WrongUsage(f'invalid argument "{limit}" for "--timeout" flag: {wrong}') from None
    return Wish(
        url=url if "://" in url else f"http://{url}",
        method=flags.last("method") or "GET",
        headers=tuple(_header(header) for header in flags.all("header")),
        message=flags.last("msg"),
        http2=flags.on("http2"),
        follow=flags.on("follow-redirects"),
        limit=wait,
        count=flags.number("count", 1),
    )


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise WrongUsage(f'invalid header format: "{text}" (want name:value)')
    return name, value.strip()
