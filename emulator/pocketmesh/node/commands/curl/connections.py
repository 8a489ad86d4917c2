"""Connections for libcurl, which may neither resolve a name nor open a socket by itself.

Before each transfer the name is resolved and the address dialled in the emulated network; libcurl is
handed the connected socket. When it keeps a connection for the next URL, nothing is dialled.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Final
from urllib.parse import SplitResult

import pycurl

from pocketmesh.node.commands.dialling import dial
from pocketmesh.node.commands.names import addresses
from pocketmesh.node.network import NameNotFound, NameServerSilent
from pocketmesh.node.process import Container

COULD_NOT_RESOLVE: Final = 6
COULD_NOT_CONNECT: Final = 7
TIMED_OUT: Final = 28
RECEIVE_FAILED: Final = 56
_PATIENCE_OF_RESOLVERS: Final = 10.0
"""Seconds after which a resolver gives a silent server up (resolv.conf: two attempts of five)."""


class Failed(Exception):
    """A transfer failed: curl's exit code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Connections:
    """What one curl command is connected to."""

    def __init__(self, container: Container, overrides: list[str], detours: Sequence[str] = ()) -> None:
        self._container = container
        self._overrides = dict(_override(entry) for entry in overrides)
        self._detours = [_detour(entry) for entry in detours]
        self._ready: socket.socket | None = None
        self._kept: set[tuple[str, int]] = set()
        self.missed = False
        """Whether libcurl asked for a connection that had not been prepared."""
        self.address = ""
        self.opened = 0
        """How many connections there have been."""
        self.local_port = random.randrange(32768, 60999)
        self.resolved_after = self.connected_after = 0.0

    async def prepare(self, url: SplitResult, connect_timeout: float, *, again: bool = False) -> str:
        """Connects to a URL's host, or to where it is sent instead, unless a kept connection will do; returns
        libcurl's RESOLVE entry.

        Raises Failed: 6, 7, 28 or 56.
        """
        host, port = url.hostname or "", port_of(url)
        there = self._instead(host, port)
        begun = perf_counter()
        found = self._overrides.get(there) or self._resolve(there[0], connect_timeout)
        self.resolved_after = perf_counter() - begun
        if again or (host, port) not in self._kept:
            await self._connect(*there, found, connect_timeout, begun)
        self.connected_after = perf_counter() - begun
        return f"{host}:{port}:{','.join(found)}"

    def keep(self, url: SplitResult, kept: bool) -> None:
        """Notes whether libcurl still holds the connection of a finished transfer."""
        place = (url.hostname or "", port_of(url))
        (self._kept.add if kept else self._kept.discard)(place)

    def open(self, purpose: int, address: Any) -> socket.socket | int:
        """libcurl's CURLOPT_OPENSOCKETFUNCTION."""
        sock, self._ready = self._ready, None
        if sock is None:
            self.missed = True
            return int(pycurl.SOCKET_BAD)
        # libcurl works on a duplicate; ours is closed as soon as it has been made.
        asyncio.get_running_loop().call_soon(sock.close)
        return sock

    def close(self) -> None:
        """Closes what was prepared and not used."""
        if self._ready is not None:
            self._ready.close()
            self._ready = None

    def _instead(self, host: str, port: int) -> tuple[str, int]:
        for (its_host, its_port), (other_host, other_port) in self._detours:
            if its_host in ("", host) and its_port in ("", str(port)):
                return other_host or host, int(other_port or port)
        return host, port

    def _resolve(self, host: str, limit: float) -> list[str]:
        try:
            return addresses(self._container, host)
        except NameServerSilent:
            if 0 < limit < _PATIENCE_OF_RESOLVERS:
                said = f"Resolving timed out after {int(limit * 1000)} milliseconds"
                raise Failed(TIMED_OUT, said) from None
        except NameNotFound:
            pass
        raise Failed(COULD_NOT_RESOLVE, f"Could not resolve host: {host}")

    async def _connect(self, host: str, port: int, found: list[str], limit: float, begun: float) -> None:
        self.close()
        self.missed = False
        code = COULD_NOT_CONNECT
        for address in found:
            self.address = address
            try:
                async with asyncio.timeout(limit or None) as timer:
                    self._ready = await dial(self._container, address, port)
                    self.opened += 1
                    return
            except ConnectionResetError:
                raise Failed(RECEIVE_FAILED, "Recv failure: Connection reset by peer") from None
            except TimeoutError:
                spent = _milliseconds(begun)
                if timer.expired():
                    raise Failed(TIMED_OUT, f"Connection timed out after {spent} milliseconds") from None
                code = TIMED_OUT
            except OSError:
                code = COULD_NOT_CONNECT
        why = "Timeout was reached" if code == TIMED_OUT else "Could not connect to server"
        raise Failed(code, f"Failed to connect to {host} port {port} after {_milliseconds(begun)} ms: {why}")


def port_of(url: SplitResult) -> int:
    """The port of a URL, its scheme's when it names none."""
    return url.port or (443 if url.scheme == "https" else 80)


def _override(entry: str) -> tuple[tuple[str, int], list[str]]:
    """One `--resolve HOST:PORT:ADDRESS[,ADDRESS]`. Raises Failed when it is not of that form."""
    host, _, rest = entry.lstrip("+").partition(":")
    port, _, found = rest.partition(":")
    if not port.isdecimal() or not found:
        raise Failed(49, f"Couldn't parse CURLOPT_RESOLVE entry '{entry}'")
    return (host, int(port)), [address.strip("[]") for address in found.split(",")]


def _detour(entry: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """One `--connect-to HOST1:PORT1:HOST2:PORT2`, whose parts may be empty. Raises Failed when it is none."""
    host, _, rest = entry.partition(":")
    port, _, there = rest.partition(":")
    found = re.fullmatch(r"(?P<host>\[[^\]]*\]|[^:\[]*)(?::(?P<port>\d*))?", there)
    if not found or (port and not port.isdecimal()):
        raise Failed(49, f"Couldn't parse CURLOPT_CONNECT_TO entry '{entry}'")
    return (host, port), (found["host"].strip("[]"), found["port"] or "")


def _milliseconds(begun: float) -> int:
    return int((perf_counter() - begun) * 1000)
