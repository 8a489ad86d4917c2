"""Starting daemons as forks of one process that has imported all that they need.

That process ends when nobody is left who could ask it for a fork, however they have ended; its forks stay.
These have its command line, so each of them is found again through its working directory.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


class ForkServer:
    """The process, started by `command`, which reads what it is asked for from its standard input.

    Forks of the process that makes this one may ask too. Raises OSError.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._log = log
        # Each message is read whole, so that several may ask at once.
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=output,
                stderr=output,
                start_new_session=True,
                umask=0o077,
                cwd="/",
            )

    def start(self, arguments: Sequence[str], folder: Path, log: Path) -> int:
        """Starts a daemon that works in `folder`, its output appended to `log`; returns its pid.

        Raises OSError.
        """
        asked = {"arguments": arguments, "directory": str(folder), "variables": dict(os.environ)}
        reading, writing = os.pipe()
        with open(reading, "rb") as answer:
            with open(writing, "wb"), log.open("ab") as output, suppress(ConnectionError):
                socket.send_fds(self._line, [json.dumps(asked).encode()], [output.fileno(), writing])
            pid = answer.read()
        if not pid:
            *_, last = ["it said nothing", *self._log.read_text(errors="replace").splitlines()]
            raise ChildProcessError(f"It could not be forked: {last}")
        return int(pid)

    def close(self) -> None:
        """Ends the process; not its forks."""
        self._line.close()
        self._process.terminate()
        self._process.wait()
