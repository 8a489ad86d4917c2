"""A daemon that outlives the command which started it, found again by the folder that it serves.

A pid alone proves nothing: it may belong to another process by now. The daemon's arguments contain its
folder, which no other process's do, or it works there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

POLL = 0.01


def start(command: Sequence[str], log: Path) -> int:
    """Starts `command` in a session of its own, its output appended to `log`; returns its pid."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=0o077,
            cwd="/",
        )
    # The kernel shows the new command line a moment after the call returns, and nobody must miss it.
    while process.poll() is None and not _arguments(process.pid):
        time.sleep(0.001)
    process.returncode = 0  # from here on it is asked for by pid, as any later command does
    return process.pid


def alive(pid: int, argument: str) -> bool:
    """Whether the process `pid` runs and has `argument` on its command line, or as its working directory."""
    _reap(pid)
    return argument in _arguments(pid) or _works_in(pid, argument)


def stop(pid: int, argument: str, patience: float = 10.0) -> None:
    """Asks the process to end, and after `patience` seconds makes it; returns when it has."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not alive(pid, argument):
            return
        os.kill(pid, number)
        deadline = time.monotonic() + patience
        while not _ended(pid, argument) and time.monotonic() < deadline:
            time.sleep(POLL)


def stop_marked(variable: str, patience: float = 5.0) -> None:
    """Ends every process that has `variable`, as NAME=VALUE, in its environment: whatever one has started.

    Where there is no /proc (macOS) nothing is found.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in marked(variable):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + patience
        while (left := marked(variable)) and time.monotonic() < deadline:
            time.sleep(POLL)
        if not left:
            return


def marked(variable: str) -> list[int]:
    """The processes with that in their environment, but for this one."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended just now, or is not ours
            if variable.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid() and _state(pid) not in {"", "Z"}]


def _ended(pid: int, argument: str) -> bool:
    """Whether a process that was alive is over: gone, a zombie, or its pid another's.

    While a process exits it has no command line any more, but still its files and locks.
    """
    return not alive(pid, argument) and (bool(_arguments(pid)) or _state(pid) in {"", "Z"})


def _reap(pid: int) -> None:
    """Collects the process if it is an ended child of this one, so that it does not linger as a zombie."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _state(pid: int) -> str:
    """The letter of the process's state, Z for a zombie; empty when there is no such process."""
    try:
        # The name in parentheses may contain anything, even parentheses.
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "" if Path("/proc/self").exists() else _ps("stat=", pid)[:1]


def _arguments(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        # No /proc on macOS: there ps joins the arguments with spaces.
        return [] if Path("/proc/self").exists() else _ps("command=", pid).split()


def _works_in(pid: int, folder: str) -> bool:
    """Whether that is where the process works; of a fork the command line says nothing. Needs /proc."""
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", folder)
    except OSError:  # it has ended, or is not ours to see
        return False


def _ps(column: str, pid: int) -> str:
    done = subprocess.run(["ps", "-o", column, "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip()
