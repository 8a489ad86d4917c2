"""fortio's command line: what it asks for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final

from pocketmesh.node.commands.calling import Request
from pocketmesh.node.commands.durations import seconds
from pocketmesh.node.commands.flags import Flags, WrongUsage

VERSION: Final = "1.60.3"
VALUED: Final = (
    *("c", "qps", "n", "t", "H", "X", "timeout", "loglevel", "payload", "content-type", "labels"),
    *("http-port", "grpc-port"),
)
SWITCHES: Final = (
    *("quiet", "allow-initial-errors", "curl", "h2", "k", "stdclient", "nocatchup", "uniform", "jitter"),
    *("logger-force-color", "logger-no-color"),
)
"""Some change nothing here: certificates are never checked, and threads keep an even pace."""
_AGENT: Final = ("User-Agent", f"fortio.org/fortio-{VERSION}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a command line asks for; `qps` is infinite for as fast as possible."""

    request: Request
    threads: int = 4
    qps: float = 8.0
    calls: int = 0
    limit: float = 5.0
    quiet: bool = False
    warns: bool = True
    tolerant: bool = False


def wish(flags: Flags) -> Wish:
    """What flags ask for. Raises WrongUsage."""
    if len(flags.plain) != 1:
        raise WrongUsage("missing URL: fortio load [flags] URL")
    url, payload = flags.plain[0], flags.last("payload")
    pairs = [header.partition(":") for header in flags.all("H")]
    headers = tuple((name.strip(), value.strip()) for name, _, value in pairs)
    if kind := flags.last("content-type"):
        headers = (*headers, ("Content-Type", kind))
    agent = () if any(name.lower() == "user-agent" for name, _ in headers) else (_AGENT,)
    try:
        request = Request(
            url if "://" in url else f"http://{url}",
            method=flags.last("X") or ("POST" if payload or kind else "GET"),
            headers=(*agent, *headers),
            body=payload.encode() if payload or kind else None,
            http2=flags.on("h2"),
            limit=seconds(flags.last("timeout", "3s")),
        )
        limit = seconds(flags.last("t", "5s"))
        qps = float(flags.last("qps", "8"))
    except ValueError as wrong:
        raise WrongUsage(str(wrong)) from None
    quiet = flags.on("quiet")
    level = flags.last("loglevel", "info").lower()
    return Wish(
        request=request,
        threads=max(1, flags.number("c", 4)),
        qps=qps if qps > 0 else inf,
        calls=max(0, flags.number("n", 0)),
        limit=limit or inf,
        quiet=quiet or level in ("error", "critical", "fatal"),
        warns=not quiet and level in ("debug", "verbose", "info", "warning"),
        tolerant=flags.on("allow-initial-errors"),
    )


def announcement(wish: Wish, threads: int) -> str:
    """What is printed before a run."""
    pace = f"{wish.qps:g}" if wish.qps < inf else "0"
    span = (
        f"{wish.calls} calls"
        if wish.calls
        else f"{wish.limit:g}s"
        if wish.limit < inf
        else "until interrupted"
    )
    text = (
        f"Fortio {VERSION} running at {pace} queries per second, 2->2 procs, for {span}: {wish.request.url}\n"
    )
    if wish.quiet:
        return text
    rate = f"{wish.qps:g}" if wish.qps < inf else "max"
    each = ""
    if wish.calls:
        count, left = divmod(wish.calls, threads)
        each = f"exactly {wish.calls} calls ({count} per thread + {left})"
    return f"{text}Starting at {rate} qps with {threads} thread(s) [gomax 2] for {each or span}\n"
