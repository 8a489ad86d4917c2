"""What a cluster answers when it does not do as asked.

The client library's exceptions stay in `labcheck.kube.connection`; nobody above sees them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labcheck.errors import EnvironmentTrouble


class ApiRefused(EnvironmentTrouble):
    """The API answered with a Status that is not a success, or an upgrade to WebSocket was declined."""

    def __init__(self, code: int, status: Mapping[str, Any], asked: str) -> None:
        self.code = code
        self.reason = str(status.get("reason", ""))
        self.message = str(status.get("message") or f"HTTP {code}")
        super().__init__(f"The cluster refused {asked}: {self.message}")


class Unreachable(EnvironmentTrouble):
    """No answer at all: the cluster is stopped, still starting, or not the one of this kubeconfig."""


class ExecTimeout(EnvironmentTrouble):
    """A command in a pod ran longer than we allow."""


class StreamEnded(EnvironmentTrouble):
    """What ran in a pod ended, or the connection to it broke."""
