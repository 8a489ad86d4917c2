"""The programs that labs are worked with: which are here, and whether they fit.

Where several are on the PATH the first that fits is taken. What `labcheck tools install` has fetched comes
last. Stand-ins of the embedded cluster do not count: a real cluster has no use for them.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from labcheck.environments import standin
from labcheck.environments.finding import Finding
from labcheck.environments.kind.versions import Tool

_VERSION = re.compile(r"v?(\d+\.\d+\.\d+[-+.\w]*)")


@dataclass(frozen=True, slots=True)
class Found:
    """A program on this machine; `version` is empty when it does not say one."""

    path: str
    version: str
    fits: bool


def folder(state: Path) -> Path:
    """Where `labcheck tools install` puts programs."""
    return state / "tools"


def search_path(state: Path, path: str) -> str:
    """`path` with the folder of fetched programs at its end."""
    places = [place for place in path.split(os.pathsep) if place != str(folder(state))]
    return os.pathsep.join([*places, str(folder(state))])


def find(tool: Tool, path: str) -> Found | None:
    """The first on `path` that fits, else the first at all; None when there is none."""
    every = []
    for candidate in _candidates(tool.name, path):
        found = look(tool, candidate)
        if found.fits:
            return found
        every.append(found)
    return every[0] if every else None


def look(tool: Tool, program: str) -> Found:
    """Asks one program for its version."""
    try:
        told = subprocess.run(
            [program, *tool.asked],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            # kubectl and istioctl would look for a cluster.
            env={**os.environ, "KUBECONFIG": os.devnull},
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        told = ""
    matched = _VERSION.search(told)
    version = matched[1] if matched else ""
    return Found(program, version, bool(version) and tool.fits(version))


def finding(tool: Tool, found: Found | None) -> Finding:
    """What is to be said of a tool that a provider needs."""
    wanted = f"{tool.oldest} or newer, below {tool.below}"
    if found is None:
        return Finding(tool.name, "not installed", f"Install {tool.name} {wanted}: labcheck tools install")
    if not found.version:
        return Finding(
            tool.name, f"{found.path} does not tell its version", f"Install {tool.name} {wanted} anew."
        )
    said = f"{found.version} ({found.path})"
    if found.fits:
        return Finding(tool.name, said)
    return Finding(
        tool.name, said, f"Another version is needed ({wanted}): labcheck tools install {tool.name}"
    )


def findings(tools: Mapping[str, Tool], path: str) -> list[Finding]:
    """What is to be said of each."""
    return [finding(tool, find(tool, path)) for tool in tools.values()]


def _candidates(name: str, path: str) -> Iterator[str]:
    for place in dict.fromkeys(path.split(os.pathsep)):
        program = Path(place or ".") / name
        if standin.in_environment(program.parent):
            continue
        if program.is_file() and os.access(program, os.X_OK):
            yield str(program)
