"""What exec and attach have in common on every wire: which streams are wanted, how the end is told.

Source: k8s.io/kubelet/pkg/cri/streaming/remotecommand and k8s.io/apimachinery/pkg/util/remotecommand.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson

from pocketmesh.api.errors import ApiError, bad_request, internal
from pocketmesh.api.runtime import Streams
from pocketmesh.objects import Object

Program: TypeAlias = Callable[[Streams], Awaitable[int]]

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2
ERROR: Final = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The streams that a client asked for."""

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False


def wanted(stdin: bool, stdout: bool, stderr: bool, tty: bool) -> Wanted:
    """With a terminal there is no separate stderr. Raises ApiError 400 when no stream is asked for."""
    if not (stdin or stdout or stderr):
        raise bad_request("you must specify at least 1 of stdin, stdout, stderr")
    return Wanted(stdin, stdout, stderr and not tty, tty)


def exit_status(code: int, argv: Sequence[str] = ()) -> Object:
    """The Status that ends a session; client-go reads the exit code from the cause."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    what = f"error executing command [{' '.join(argv)}], exit code {code}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: {what}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


async def outcome(program: Program, streams: Streams, argv: Sequence[str] = ()) -> Object:
    """Runs a program to its end and says how it went; a client that goes away is not an error."""
    try:
        return exit_status(await program(streams), argv)
    except ApiError as error:
        return error.status()
    except ConnectionError:
        return exit_status(0)
    except Exception as error:
        _log.exception("a program in a container failed")
        return internal(str(error) or type(error).__name__).status()


def told(status: Object, *, structured: bool) -> bytes:
    """What goes over the error channel: v4 and later carry the Status, earlier ones a failure's text."""
    if structured:
        return orjson.dumps(status)
    return b"" if status["status"] == "Success" else str(status.get("message", "")).encode()


def terminal_size(message: bytes) -> tuple[int, int] | None:
    """(columns, rows) from a resize message `{"Width":…,"Height":…}`; None when it is none."""
    try:
        size = orjson.loads(message)
        return int(size["Width"]), int(size["Height"])
    except (ValueError, KeyError, TypeError):
        return None


async def until_gone(work: Awaitable[None], client: Awaitable[None]) -> None:
    """Does the work, and stops it when the client goes first."""
    tasks = (asyncio.ensure_future(work), asyncio.ensure_future(client))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, ConnectionError | TimeoutError):
                _log.error("a conversation with a container failed", exc_info=result)
