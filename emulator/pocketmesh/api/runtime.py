"""What the API server asks of the node: run a program in a container, read its log, reach its port.

The API server owns the wire protocols and the node owns the containers; they meet in these three
verbs and know nothing else of each other.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


class Input(Protocol):
    """Where a program reads from; an asyncio.StreamReader is one."""

    async def read(self, limit: int = 65536, /) -> bytes:
        """Some bytes, as soon as there are any; empty at the end."""
        ...


@dataclass(eq=False)
class Streams:
    """The standard streams of one program that a client started or attached to.

    `stdin` is None when the client gave none. Writing returns when the client can take more, and
    raises ConnectionError once the client is gone. With a terminal, everything goes to `stdout` and
    `resize` brings its (columns, rows).
    """

    stdin: Input | None
    stdout: Callable[[bytes], Awaitable[None]]
    stderr: Callable[[bytes], Awaitable[None]]
    tty: bool = False
    resize: asyncio.Queue[tuple[int, int]] = field(default_factory=asyncio.Queue)


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What of a log a client wants: the fields of `v1.PodLogOptions`.

    The lines since a time come first, of them the last `tail_lines`, of those `limit_bytes`.
    """

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    since: datetime | None = None
    tail_lines: int | None = None
    limit_bytes: int | None = None


class PodRuntime(Protocol):
    """Runs pods. Namespace, pod and container exist in the API when a verb is called.

    Every verb raises ApiError before its first output when the container is in no state for it.
    """

    async def exec(
        self, namespace: str, pod: str, container: str, argv: Sequence[str], streams: Streams
    ) -> int:
        """Runs a program beside the container's own and returns its exit code; cancelled to be stopped."""
        ...

    async def attach(self, namespace: str, pod: str, container: str, streams: Streams) -> int:
        """Joins the container's own program until it ends; 0 however that was, as a kubelet answers."""
        ...

    def logs(self, namespace: str, pod: str, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """The log, whole lines at a time; with `follow` it ends when the container does.

        Raises ApiError when called, not when iterated, so that the client still gets a status code.
        """
        ...

    async def dial(self, namespace: str, pod: str, port: int) -> socket.socket:
        """A connected, non-blocking stream socket to a port of the pod. Raises OSError."""
        ...
