"""Programs of the embedded cluster for learners who have none of that name: istioctl's stand-in, and
pocketmesh itself, which brings along what others fetch from the network.

Real ones are always preferred: the scripts' folder comes last on the PATH, and only where one is missing.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

_FOLDER = "bin"
_PROGRAMS = {"istioctl": "-m pocketmesh.istioctl", "pocketmesh": "-m pocketmesh"}


def search_path(environment: Path, path: str) -> str:
    """`path` with these programs on it; where one is missing, a script in the environment's folder."""
    places = [place for place in path.split(":") if not _is_ours(Path(place), environment)]
    missing = [name for name in _PROGRAMS if not shutil.which(name, path=":".join(places))]
    if not missing:
        return path
    folder = environment / _FOLDER
    for name in missing:
        _write(folder / name, f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P {_PROGRAMS[name]} "$@"\n')
    return ":".join([*places, str(folder)])


def in_environment(place: Path) -> bool:
    """Whether a folder on the PATH holds stand-ins, which are of no use to any other cluster."""
    return place.name == _FOLDER and (place.parent / "record.json").exists()


def _write(script: Path, text: str) -> None:
    if not script.exists() or script.read_text(encoding="utf-8") != text:
        script.parent.mkdir(mode=0o700, exist_ok=True)
        script.write_text(text, encoding="utf-8")
        script.chmod(0o700)


def _is_ours(place: Path, environment: Path) -> bool:
    """Whether a folder on the PATH is that of this environment or of one beside it."""
    return place.name == _FOLDER and place.parent.parent == environment.parent
