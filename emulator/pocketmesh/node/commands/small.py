"""Small programs of a Linux image that say something about the pod, or wait."""

from __future__ import annotations

import asyncio
import math
import re
from typing import Final

from pocketmesh.node.process import Command, Invocation
from pocketmesh.objects import Object

_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"^(\d+(?:\.\d*)?|\.\d+|inf(?:inity)?)([smhd]?)$")


async def sleep(invocation: Invocation) -> int:
    """`sleep 1.5`, `sleep 1m 30s`, `sleep infinity`."""
    seconds = 0.0
    if len(invocation.argv) < 2:
        await invocation.stderr.write(b"sleep: missing operand\n")
        return 1
    for word in invocation.argv[1:]:
        match = _DURATION.match(word)
        if match is None:
            await invocation.stderr.write(f"sleep: invalid number '{word}'\n".encode())
            return 1
        seconds += float(match.group(1)) * _UNITS[match.group(2)]
    if math.isinf(seconds):
        await asyncio.Event().wait()
    await asyncio.sleep(seconds)
    return 0


async def pause(invocation: Invocation) -> int:
    """Waits until it is stopped."""
    await asyncio.Event().wait()
    return 0


async def hostname(invocation: Invocation) -> int:
    """`hostname`, `hostname -i`."""
    wants_ip = invocation.argv[1:2] in (["-i"], ["-I"])
    container = invocation.container
    await invocation.stdout.write(f"{container.ip if wants_ip else container.hostname}\n".encode())
    return 0


async def env(invocation: Invocation) -> int:
    """`env`; with a command it runs that, with variables it sets them for it."""
    variables, words = dict(invocation.env), invocation.argv[1:]
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    if not words:
        text = "".join(f"{name}={value}\n" for name, value in variables.items())
        await invocation.stdout.write(text.encode())
        return 0
    command = invocation.container.commands.get(words[0].rpartition("/")[2])
    if command is None:
        await invocation.stderr.write(
            f"env: can't execute '{words[0]}': No such file or directory\n".encode()
        )
        return 127
    invocation.argv, invocation.env = words, variables
    return await command(invocation)


async def printenv(invocation: Invocation) -> int:
    """`printenv [NAME…]`."""
    names = invocation.argv[1:] or list(invocation.env)
    for name in names:
        if name in invocation.env:
            value = invocation.env[name]
            line = value if invocation.argv[1:] else f"{name}={value}"
            await invocation.stdout.write(f"{line}\n".encode())
    return 0 if all(name in invocation.env for name in names) else 1


async def ps(invocation: Invocation) -> int:
    """`ps`, in busybox' columns: there is the main process and this."""
    container = invocation.container
    spec: Object = next((c for c in container.pod["spec"]["containers"] if c["name"] == container.name), {})
    main = " ".join([*(spec.get("command") or []), *(spec.get("args") or [])]) or container.name
    text = "PID   USER     TIME  COMMAND\n"
    for pid, words in ((1, main), (12, " ".join(invocation.argv))):
        text += f"{pid:5} {container.user:<8}  0:00 {words}\n"
    await invocation.stdout.write(text.encode())
    return 0


async def identity(invocation: Invocation) -> int:
    """`id` and `whoami`."""
    user = invocation.container.user
    if invocation.argv[0].endswith("whoami"):
        text = user
    else:
        uid = 0 if user == "root" else 100
        text = f"uid={uid}({user}) gid={uid}({user}) groups={uid}({user})"
    await invocation.stdout.write(f"{text}\n".encode())
    return 0


async def ip(invocation: Invocation) -> int:
    """`ip addr` and `ip route`, of one interface."""
    address = invocation.container.ip
    words = [word for word in invocation.argv[1:] if not word.startswith("-")]
    what = words[0] if words else "addr"
    if "route".startswith(what):
        text = f"default via 10.244.0.1 dev eth0\n10.244.0.0/24 via 10.244.0.1 dev eth0 src {address}\n"
    elif "address".startswith(what) or "addr".startswith(what):
        text = (
            "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN qlen 1000\n"
            "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n"
            "    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n"
            "2: eth0@if3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP qlen 1000\n"
            f"    inet {address}/24 brd 10.244.0.255 scope global eth0\n"
            "       valid_lft forever preferred_lft forever\n"
        )
    else:
        await invocation.stderr.write(b"ip: only addr and route are emulated here\n")
        return 1
    await invocation.stdout.write(text.encode())
    return 0


async def stty(invocation: Invocation) -> int:
    """`stty size`; other settings are taken and change nothing, because the terminal is the shell's."""
    if invocation.argv[1:] == ["size"]:
        columns, rows = invocation.size()
        await invocation.stdout.write(f"{rows} {columns}\n".encode())
    return 0


async def uname(invocation: Invocation) -> int:
    """`uname [-a]`."""
    host = invocation.container.hostname
    text = f"Linux {host} 6.0.0-emulated #1 SMP x86_64 Linux" if "-a" in invocation.argv else "Linux"
    if "-n" in invocation.argv:
        text = host
    await invocation.stdout.write(f"{text}\n".encode())
    return 0


SMALL: Final[dict[str, Command]] = {
    "env": env,
    "hostname": hostname,
    "id": identity,
    "ip": ip,
    "printenv": printenv,
    "ps": ps,
    "sleep": sleep,
    "stty": stty,
    "uname": uname,
    "whoami": identity,
}
