"""Serving many clusters, one after another: each from a fork of a process that has imported all of it.

More than half of a start is imports. Whoever needs many clusters asks this process for them, on a socket that
is its standard input. One message asks for one fork: a JSON object with its arguments, its working directory
and its environment, and two descriptors: where its output goes, and where it writes its pid once it leads a
session of its own. It outlives the process that it comes from, which ends when nobody is left to ask.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
from contextlib import suppress
from types import FrameType
from typing import Any, Final

from pocketmesh.serving import import_cluster

_LARGEST: Final = 1 << 20


def forked(line: socket.socket) -> list[str] | None:
    """Returns its arguments in each fork, and None in the process itself when nobody is left to ask."""
    gc.disable()
    import_cluster()
    # A collection in a fork would write into each of these objects, and thereby copy them.
    gc.freeze()
    signal.signal(signal.SIGCHLD, _collect)
    while True:
        message, descriptors, _, _ = socket.recv_fds(line, _LARGEST, 2)
        if not message:
            return None
        if os.fork() == 0:
            line.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _become(json.loads(message), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _collect(number: int, frame: FrameType | None) -> None:
    """Lets forks that have ended go, and counts the time they took as this process's children's."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become(asked: dict[str, Any], output: int, answer: int) -> list[str]:
    """Makes this fork the process that was asked for; its arguments.

    Raises OSError, which ends it, where whoever asked is gone by now and would never find it.
    """
    os.setsid()
    os.chdir(asked["directory"])
    os.environ.clear()
    os.environ.update(asked["variables"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.write(answer, str(os.getpid()).encode())
    for descriptor in (nothing, output, answer):
        os.close(descriptor)
    arguments: list[str] = asked["arguments"]
    return arguments
