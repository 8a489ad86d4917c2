"""The node's own programs as a shell calls them.

bashkit keeps what it calls and hides it from Python's garbage collector: nothing here may lead back to the
shell, or neither would ever go.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from pocketmesh.node.process import Command, Input, Invocation

_BROKEN_PIPE: Final = 141
_INTERRUPTED: Final = 130


class Programs:
    """What one shell calls. `parts` is what is left of a script that is still being written."""

    def __init__(self, invocation: Invocation) -> None:
        self.parts: AsyncIterator[str] | None = None
        self._invocation = invocation
        self._running: set[asyncio.Future[int]] = set()

    def cancel(self) -> None:
        """Ends what runs now."""
        for task in self._running:
            task.cancel()

    def next_part(self, write: Callable[[bytes], None]) -> Callable[[Any], Awaitable[int]]:
        """A command that waits for the next part and has it written down; it fails when there is none."""

        async def fetch() -> int:
            part = await anext(self.parts, None) if self.parts else None
            if part is None:
                return 1
            write(part.encode())
            return 0

        async def call(context: Any) -> int:
            return await self._stoppable(fetch())

        return call

    async def give_input(self, context: Any) -> int:
        """Writes the shell's standard input into a pipe."""
        with suppress(BrokenPipeError):
            while chunk := await self._invocation.stdin.read():
                await context.stdout.write(chunk)
        return 0

    def adapted(self, name: str, command: Command) -> Callable[[Any], Any]:
        """One of our commands as bashkit calls it."""

        async def call(context: Any) -> int:
            inner = Invocation(
                argv=[name, *context.argv],
                container=self._invocation.container,
                stdin=_Piped(context.stdin, self._invocation.stdin),
                stdout=context.stdout,
                stderr=context.stderr,
                env={**self._invocation.env, **context.env},
                cwd=context.cwd,
                size=self._invocation.size,
            )
            return await self._stoppable(command(inner))

        return call

    async def _stoppable(self, running: Awaitable[int]) -> int:
        task = asyncio.ensure_future(running)
        self._running.add(task)
        try:
            return await task
        except BrokenPipeError:
            return _BROKEN_PIPE
        except asyncio.CancelledError:
            return _INTERRUPTED
        finally:
            self._running.discard(task)


class _Piped:
    """What a pipe brings; bashkit gives an empty one to a command that has none, which then reads on
    from the shell's own input."""

    def __init__(self, pipe: Any, otherwise: Input) -> None:
        self._pipe = pipe
        self._otherwise = otherwise
        self._piped = False

    async def read(self, limit: int = 65536, /) -> bytes:
        chunk: bytes | None = await self._pipe.read_chunk()
        if chunk:
            self._piped = True
            return chunk
        return b"" if self._piped else await self._otherwise.read(limit)
