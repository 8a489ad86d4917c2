"""The shells that stay open in the probe pods while a lab is graded.

A pod gets another one only when those it has are busy for longer than it takes to open one. Threads may share
them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from labcheck.checks.context import Probe
from labcheck.kube import Cluster, Executed, Shell, StreamEnded

_SOON = 0.03
"""Seconds that a busy shell is worth waiting for."""


class Shells:
    """The shells of all probe pods of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._pods: dict[Probe, _Pod] = {}

    def run(self, probe: Probe, script: str, timeout: float) -> Executed:
        """Runs a script in the pod. Raises ApiRefused, ExecTimeout, StreamEnded and Unreachable."""
        new = partial(self._cluster.shell, probe.namespace, probe.pod, probe.container)
        return self._pods.setdefault(probe, _Pod(new)).run(script, timeout)

    def close(self) -> None:
        """Ends all shells that nobody uses."""
        for pod in self._pods.values():
            pod.close()


class _Pod:
    """The shells of one pod."""

    def __init__(self, new: Callable[[], Shell]) -> None:
        self._new = new
        self._idle: list[Shell] = []
        self._busy = 0
        self._changed = threading.Condition()

    def run(self, script: str, timeout: float) -> Executed:
        kept = self._taken()
        shell = kept
        try:
            shell = shell or self._new()
            done = shell.run(script, timeout)
        except BaseException as error:
            self._given_back(None)
            if shell:
                shell.close()
            if kept and isinstance(error, StreamEnded):  # Perhaps it went while nobody used it.
                return self.run(script, timeout)
            raise
        self._given_back(shell)
        return done

    def _taken(self) -> Shell | None:
        """A shell that nobody uses; None for one that is to be opened."""
        with self._changed:
            self._changed.wait_for(lambda: self._idle or not self._busy, _SOON)
            self._busy += 1
            return self._idle.pop() if self._idle else None

    def _given_back(self, shell: Shell | None) -> None:
        with self._changed:
            self._busy -= 1
            if shell:
                self._idle.append(shell)
            self._changed.notify()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
