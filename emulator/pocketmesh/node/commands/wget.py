"""busybox' wget, on the same transfers as curl."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from pocketmesh.node.commands.curl import curl
from pocketmesh.node.process import Invocation

_SWITCHES: Final = {"-S": "-v", "--server-response": "-v", "--no-check-certificate": "-k"}
_VALUES: Final = {"-T": "-m", "--timeout": "-m", "--header": "-H", "--post-data": "--data-raw"}
_USAGE: Final = b"BusyBox wget: missing URL\nUsage: wget [-q] [-O FILE] URL\n"


@dataclass
class Wish:
    """What a command line asks for; `arguments` are curl's."""

    arguments: list[str] = field(default_factory=list)
    url: str = ""
    target: str = ""
    quiet: bool = False


class Unrecognized(Exception):
    """An option that is not emulated."""


def parse(words: list[str]) -> Wish:
    """`[-q] [-S] [-O FILE|-] [-T SECONDS] [--header H] [--post-data D] URL`. Raises Unrecognized."""
    wish, rest = Wish(), list(words)
    while rest:
        word = rest.pop(0)
        option, equals, value = word.partition("=")
        if word in ("-q", "--quiet", "-nv"):
            wish.quiet = True
        elif word in ("-qO", "-qO-", "-O", "-O-") or option == "--output-document":
            wish.quiet = wish.quiet or "q" in word[:2]
            wish.target = "-" if word.endswith("-") else value if equals else _next(rest)
        elif word in _SWITCHES:
            wish.arguments.append(_SWITCHES[word])
        elif option in _VALUES:
            wish.arguments += [_VALUES[option], value if equals else _next(rest)]
        elif word.startswith("-"):
            raise Unrecognized(word.lstrip("-"))
        else:
            wish.url = word
    return wish


def _next(rest: list[str]) -> str:
    return rest.pop(0) if rest else ""


async def wget(invocation: Invocation) -> int:
    """Fetches one URL."""
    try:
        wish = parse(invocation.argv[1:])
    except Unrecognized as option:
        await invocation.stderr.write(f"wget: unrecognized option: {option}\n".encode())
        return 1
    if not wish.url:
        await invocation.stderr.write(_USAGE)
        return 1
    url = urlsplit(wish.url if "//" in wish.url else f"//{wish.url}")
    target = wish.target or url.path.rpartition("/")[2] or "index.html"
    if not wish.quiet:
        await invocation.stderr.write(f"Connecting to {url.netloc}\n".encode())
    inner = Invocation(
        argv=["curl", "-s", "-S", "-f", "-L", *wish.arguments, "-o", target, wish.url],
        container=invocation.container,
        stdin=invocation.stdin,
        stdout=invocation.stdout,
        stderr=_Reworded(invocation, url.netloc),
        env=invocation.env,
        cwd=invocation.cwd,
    )
    return 1 if await curl(inner) else 0


class _Reworded:
    """curl's complaints in wget's words."""

    def __init__(self, invocation: Invocation, host: str) -> None:
        self._stderr = invocation.stderr
        self._host = host

    async def write(self, data: bytes, /) -> None:
        text = bytes(data).decode(errors="replace")
        if text.startswith("curl: (6)"):
            text = f"wget: bad address '{self._host}'\n"
        elif text.startswith("curl: (7)"):
            text = f"wget: can't connect to remote host ({self._host}): Connection refused\n"
        elif text.startswith("curl: (28)"):
            text = "wget: download timed out\n"
        elif text.startswith("curl: (22)"):
            text = f"wget: server returned error: HTTP/1.1 {text.rpartition(' ')[2]}"
        elif text.startswith("curl: ("):
            text = "wget: error getting response: " + text.partition(") ")[2]
        await self._stderr.write(text.encode())
