"""How a container's run ended: the exit codes that a runtime gives, and the last words that are kept.

Follows pkg/kubelet/kuberuntime/kuberuntime_container.go; what becomes of the container is for its worker.
"""

from __future__ import annotations

from typing import Final

from pocketmesh.node.log import ContainerLog
from pocketmesh.node.process import Container
from pocketmesh.objects import Object

NEVER_STARTED: Final = 128
KILLED: Final = 137
TERMINATED: Final = 143
_LONGEST_MESSAGE: Final = 4096
_LAST_LINES: Final = 80
_LAST_BYTES: Final = 2048


def last_words(spec: Object, container: Container | None, log: ContainerLog | None, code: int) -> str:
    """What the program left as its termination message, or else the end of its log when that is asked for
    and it failed."""
    path = spec.get("terminationMessagePath") or "/dev/termination-log"
    said = b""
    if container is not None and container.files.below(path) == [path]:
        said = container.files.read(path)
    if not said and code and spec.get("terminationMessagePolicy") == "FallbackToLogsOnError":
        lines = log.lines()[-_LAST_LINES:] if log else []
        said = b"".join(line.data for line in lines)[-_LAST_BYTES:]
    return said[-_LONGEST_MESSAGE:].decode(errors="replace")


def never_started(problem: str) -> str:
    """What containerd says when runc finds nothing to execute."""
    return (
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
        "runc create failed: unable to start container process: error during container init: "
        f"{problem}: unknown"
    )
