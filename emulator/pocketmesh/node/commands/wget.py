"""busybox' wget, on the same transfers as curl."""

from __future__ import annotations

from urllib.parse import urlsplit

from pocketmesh.node.commands.curl import curl
from pocketmesh.node.process import Invocation


async def wget(invocation: Invocation) -> int:
    """`wget [-q] [-S] [-O FILE|-] [-T SECONDS] [--header H] [--post-data D] URL`."""
    words, target, url, quiet = list(invocation.argv[1:]), "", "", False
    arguments = ["curl", "-s", "-S", "-f", "-L"]
    while words:
        word = words.pop(0)
        option, _, value = word.partition("=")
        if word in ("-q", "--quiet", "-nv"):
            quiet = True
        elif word in ("-qO-", "-qO", "-O-"):
            quiet = quiet or "q" in word
            target = "-" if word.endswith("-") else words.pop(0) if words else ""
        elif word == "-O" or option == "--output-document":
            target = value or (words.pop(0) if words else "")
        elif word == "-T" or option == "--timeout":
            arguments += ["-m", value or (words.pop(0) if words else "")]
        elif option == "--header":
            arguments += ["-H", value or (words.pop(0) if words else "")]
        elif option == "--post-data":
            arguments += ["--data-raw", value]
        elif word in ("-S", "--server-response"):
            arguments.append("-v")
        elif word == "--no-check-certificate":
            arguments.append("-k")
        elif word.startswith("-"):
            await invocation.stderr.write(f"wget: unrecognized option: {word.lstrip('-')}\n".encode())
            return 1
        else:
            url = word
    if not url:
        await invocation.stderr.write(b"BusyBox wget: missing URL\nUsage: wget [-q] [-O FILE] URL\n")
        return 1
    host = urlsplit(url if "//" in url else f"//{url}").netloc
    target = target or urlsplit(url).path.rpartition("/")[2] or "index.html"
    if not quiet:
        await invocation.stderr.write(f"Connecting to {host}\n".encode())
    errors = _Reworded(invocation, host)
    inner = Invocation(
        argv=[*arguments, "-o", target, url],
        container=invocation.container,
        stdin=invocation.stdin,
        stdout=invocation.stdout,
        stderr=errors,
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
