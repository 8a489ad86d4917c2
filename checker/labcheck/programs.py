"""The programs of the user's own that labcheck relies on, and what to do where one is missing."""

from __future__ import annotations

import shutil

from labcheck.errors import EnvironmentTrouble

_ADVICE = {
    "kubectl": "Debian and Ubuntu: apt install kubernetes-client. Others: https://kubernetes.io/docs/tasks/tools/",
    "bash": "Debian and Ubuntu: apt install bash.",
}


def missing(name: str) -> EnvironmentTrouble | None:
    """The trouble of not having `name`, or None when it is on the PATH."""
    if shutil.which(name):
        return None
    return EnvironmentTrouble(
        f"{name} is not installed.", evidence="Labs are worked with it.", next_step=_ADVICE[name]
    )


def require(*names: str) -> None:
    """Raises EnvironmentTrouble for the first program that is missing."""
    for name in names:
        trouble = missing(name)
        if trouble:
            raise trouble
