"""Probes: asking a container how it is, through the emulated network, on the kubelet's schedule.

A container that has never been ready is asked again after a tenth of a second instead of a whole
period, so that starting takes as long as it takes; such early failures are not counted.
"""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from pocketmesh.node.network import PodNetwork
from pocketmesh.objects import Object
from pocketmesh.versions import KUBERNETES

EAGER: Final = 0.1
Kind: TypeAlias = Literal["startup", "readiness", "liveness"]
Run: TypeAlias = Callable[[Sequence[str]], Awaitable[tuple[int, str]]]
"""Runs a command in the container: its exit code and what it wrote."""


class ProbeFailed(Exception):
    """The container's answer was no; the words are the kubelet's."""


@dataclass
class Probe:
    """One probe of one running container, and how it has gone so far."""

    kind: Kind
    spec: Object
    due: datetime
    counted: datetime
    successes: int = 0
    failures: int = 0
    passed: bool = False
    busy: bool = False

    @classmethod
    def begin(cls, kind: Kind, spec: Object, now: datetime) -> Probe:
        """The probe of a container that starts now."""
        first = now + timedelta(seconds=spec.get("initialDelaySeconds", 0))
        return cls(kind, spec, first, first, passed=kind == "liveness")

    def succeeded(self, now: datetime) -> None:
        """Takes a good answer in."""
        self.failures, self.successes = 0, self.successes + 1
        self.passed = self.passed or self.successes >= self.spec.get("successThreshold", 1)
        self.due = now + (self._period if self.passed else timedelta(seconds=EAGER))

    def failed(self, now: datetime) -> bool:
        """Takes a bad answer in; whether it counts."""
        self.successes = 0
        eager = self.kind != "liveness" and not self.passed
        counts = not eager or now - self.counted >= self._period
        if counts:
            self.counted, self.failures = now, self.failures + 1
        if self.exhausted:
            self.passed = False
        self.due = now + (min(self._period, timedelta(seconds=EAGER)) if eager else self._period)
        return counts

    @property
    def exhausted(self) -> bool:
        """Whether it has failed as often as it may."""
        return self.failures >= int(self.spec.get("failureThreshold", 3))

    @property
    def _period(self) -> timedelta:
        return timedelta(seconds=self.spec.get("periodSeconds", 10))


async def ask(probe: Object, container: Object, ip: str, source: str, network: PodNetwork, run: Run) -> None:
    """Asks once. Raises ProbeFailed (pkg/probe/{http,tcp,exec})."""
    seconds = probe.get("timeoutSeconds", 1)
    try:
        async with asyncio.timeout(seconds):
            if "httpGet" in probe:
                status = await fetch(probe["httpGet"], container, ip, source, network)
                if not 200 <= status < 400:
                    raise ProbeFailed(f"HTTP probe failed with statuscode: {status}")
            elif "exec" in probe:
                code, output = await run(probe["exec"].get("command") or [])
                if code:
                    raise ProbeFailed(output)
            else:
                port = _port((probe.get("tcpSocket") or probe.get("grpc") or {}).get("port", 0), container)
                await _connect(source, ip, port, network)
    except TimeoutError:
        if "exec" in probe:
            raise ProbeFailed(f"command timed out after {seconds}s") from None
        raise ProbeFailed(f"{_subject(probe, container, ip)}context deadline exceeded") from None


async def fetch(action: Object, container: Object, ip: str, source: str, network: PodNetwork) -> int:
    """The status that a container answers an `httpGet` with. Raises ProbeFailed when there is none."""
    port, path = _port(action["port"], container), action.get("path") or "/"
    scheme, host = action.get("scheme", "HTTP").lower(), action.get("host") or ip
    headers = {"Host": f"{host}:{port}", "User-Agent": f"kube-probe/{KUBERNETES.rpartition('.')[0]}"}
    headers |= {"Accept": "*/*", "Connection": "close"}
    headers |= {header["name"]: header["value"] for header in action.get("httpHeaders") or []}
    request = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    url = f'Get "{scheme}://{host}:{port}{path}": '
    try:
        sock = await network.dial(source, ip, port)
    except OSError as error:
        raise ProbeFailed(f"{url}dial tcp {ip}:{port}: connect: {_reason(error)}") from None
    try:
        context = _trusting() if scheme == "https" else None
        reader, writer = await asyncio.open_connection(
            sock=sock, ssl=context, server_hostname="" if context else None
        )
        try:
            writer.write(f"GET {path} HTTP/1.1\r\n{request}\r\n".encode())
            line = await reader.readline()
        finally:
            writer.close()
    except (OSError, ValueError) as error:
        raise ProbeFailed(f"{url}{_reason(error)}") from None
    words = line.split()
    if len(words) < 2 or not words[1].isdigit():
        raise ProbeFailed(f"{url}EOF")
    return int(words[1])


async def _connect(source: str, ip: str, port: int, network: PodNetwork) -> None:
    try:
        sock = await network.dial(source, ip, port)
    except OSError as error:
        raise ProbeFailed(f"dial tcp {ip}:{port}: connect: {_reason(error)}") from None
    sock.close()


def _port(port: int | str, container: Object) -> int:
    if isinstance(port, int):
        return port
    for declared in container.get("ports") or []:
        if declared.get("name") == port:
            return int(declared["containerPort"])
    raise ProbeFailed(f"couldn't find port: {port}")


def _subject(probe: Object, container: Object, ip: str) -> str:
    action = probe.get("httpGet")
    if action is None:
        return ""
    port = _port(action["port"], container)
    return f'Get "{action.get("scheme", "HTTP").lower()}://{ip}:{port}{action.get("path") or "/"}": '


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if isinstance(error, ConnectionRefusedError):
        number = number or errno.ECONNREFUSED
    if isinstance(error, ConnectionResetError):
        number = number or errno.ECONNRESET
    return os.strerror(number).lower() if number else str(error)


def _trusting() -> ssl.SSLContext:
    """The kubelet does not verify a probe's certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
