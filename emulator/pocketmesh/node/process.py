"""What a program in a pod is: an async function with arguments, streams and the container around it.

Nothing here can reach the host: a program sees the emulated files and the emulated network, and no more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from pocketmesh.node.log import ContainerLog
from pocketmesh.node.network import PodNetwork
from pocketmesh.objects import Object

BUNDLE: Final = "/etc/ssl/certs/ca-certificates.crt"
"""Where a container has the certificates of public authorities, as most Linux distributions do."""


USUAL_SIZE: Final = (80, 24)


class Input(Protocol):
    """Where a program reads from."""

    async def read(self, limit: int = 65536, /) -> bytes:
        """Some bytes, as soon as there are any; empty at the end."""
        ...


class Output(Protocol):
    """Where a program writes to."""

    async def write(self, data: bytes, /) -> None:
        """Returns when the reader can take more."""
        ...


class Files(Protocol):
    """A container's files, which exist in memory only. Paths are absolute."""

    def read(self, path: str) -> bytes:
        """A file's content. Raises FileNotFoundError."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Creates or replaces a file and the directories above it."""
        ...

    def exists(self, path: str) -> bool:
        """Whether there is a file or a directory."""
        ...

    def below(self, path: str) -> list[str]:
        """Every file in a directory and the directories in it; of a file that file, of nothing nothing."""
        ...

    def remove(self, path: str) -> None:
        """Removes a file or a whole directory; harmless when absent."""
        ...


@dataclass(eq=False)
class Container:
    """One run of a container."""

    pod: Object
    name: str
    image: str
    ip: str
    hostname: str
    env: Mapping[str, str]
    network: PodNetwork
    log: ContainerLog
    commands: Mapping[str, Command]
    files: Files
    user: str = "root"
    cwd: str = "/"


@dataclass(eq=False)
class Invocation:
    """One program being run in a container: its main process, or what `kubectl exec` or a shell starts."""

    argv: list[str]
    container: Container
    stdin: Input
    stdout: Output
    stderr: Output
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/"
    tty: bool = False
    size: Callable[[], tuple[int, int]] = lambda: USUAL_SIZE
    """Columns and rows of the terminal now."""


Command: TypeAlias = Callable[[Invocation], Awaitable[int]]
"""Runs a program and returns its exit code. It is cancelled to be stopped."""


class NoInput:
    """Standard input of a program that was given none."""

    async def read(self, limit: int = 65536, /) -> bytes:
        return b""
