"""What an environment leaves behind when it is gone: processes and files. And what it weighed before.

A process belongs to an environment when the environment's folder stands in its arguments, in its environment
or in its working directory. Where there is no /proc (macOS) none is found.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A process that belongs to an environment."""

    pid: int
    command: str


def processes(folder: Path) -> list[Process]:
    """Those that work for an environment in `folder`, but for this process."""
    mark = re.compile(re.escape(os.fsencode(folder)) + rb"(?!\w)")
    found = []
    for entry in _PROC.glob("[0-9]*"):
        arguments = _read(entry / "cmdline")
        about = b"\0".join((arguments, _read(entry / "environ"), _place(entry)))
        if int(entry.name) != os.getpid() and mark.search(about):
            command = arguments.decode(errors="replace").replace("\0", " ").strip()
            found.append(Process(int(entry.name), command))
    return sorted(found, key=lambda process: process.pid)


def megabytes(found: list[Process]) -> int:
    """What processes weigh together; files that several have in memory are counted once.

    What a fork has not written to since is its own all the same: started alone, it would need as much.
    """
    lines = [
        line
        for process in found
        for line in _read(_PROC / str(process.pid) / "smaps_rollup").decode().splitlines()
    ]
    kib = sum(int(line.split()[1]) for line in lines if line.startswith(("Anonymous:", "Pss_File:")))
    return kib * 1024 // 10**6


def files(folder: Path) -> frozenset[Path]:
    """Everything below `folder`, at whatever depth."""
    return frozenset(path.relative_to(folder) for path in folder.rglob("*"))


def _place(entry: Path) -> bytes:
    try:
        return os.fsencode(os.readlink(entry / "cwd"))
    except OSError:
        return b""


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # It ended while we looked, or is not ours to see.
        return b""
