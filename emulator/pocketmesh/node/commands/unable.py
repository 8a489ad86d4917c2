"""Programs that people reach for and that cannot work here, which say so and what to use instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pocketmesh.node.process import Command, Invocation

_NO_PACKETS: Final = "connections here are not made of packets"
_INSTEAD: Final[Mapping[str, str]] = {
    "ping": "there is no ICMP here; try: nc -zv HOST PORT",
    "traceroute": f"{_NO_PACKETS}; for the way of a connection see the log of ztunnel",
    "tcpdump": f"{_NO_PACKETS}; for what is sent see curl -v and the log of ztunnel",
    "ss": "sockets are not listed here; for what listens try: nc -zv localhost PORT",
    "netstat": "sockets are not listed here; for what listens try: nc -zv localhost PORT",
    "iptables": "traffic is not redirected by rules here",
    "nmap": "ports are not scanned here; try: nc -zv HOST PORT",
}


class Unable:
    """A program that only says why it does not work."""

    def __init__(self, name: str, why: str) -> None:
        self._text = f"{name}: not emulated: {why}\n".encode()

    async def __call__(self, invocation: Invocation) -> int:
        await invocation.stderr.write(self._text)
        return 1


UNABLE: Final[dict[str, Command]] = {name: Unable(name, why) for name, why in _INSTEAD.items()}
