"""istioctl for learners who have none: a script that starts the embedded cluster's stand-in for it.

A real istioctl is always preferred: the script's folder comes last on the PATH, and only where none is.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

_FOLDER = "bin"


def search_path(environment: Path, path: str) -> str:
    """`path` with an istioctl on it; where none is, a script in the environment's folder."""
    places = [place for place in path.split(":") if not _is_ours(Path(place), environment)]
    if shutil.which("istioctl", path=":".join(places)):
        return path
    folder = environment / _FOLDER
    script = folder / "istioctl"
    text = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m pocketmesh istioctl "$@"\n'
    if not script.exists() or script.read_text(encoding="utf-8") != text:
        folder.mkdir(mode=0o700, exist_ok=True)
        script.write_text(text, encoding="utf-8")
        script.chmod(0o700)
    return ":".join([*places, str(folder)])


def _is_ours(place: Path, environment: Path) -> bool:
    """Whether a folder on the PATH is that of this environment or of one beside it."""
    return place.name == _FOLDER and place.parent.parent == environment.parent
