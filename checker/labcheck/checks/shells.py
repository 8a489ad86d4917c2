"""The shells that stay open in the probe pods while a lab is graded: as many in each as were needed at once.

Threads may share them.
"""

from __future__ import annotations

from contextlib import suppress

from labcheck.checks.context import Probe
from labcheck.kube import Cluster, Executed, Shell, StreamEnded


class Shells:
    """Opens shells, and keeps those that nobody uses for whoever comes next."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._idle: dict[Probe, list[Shell]] = {}

    def run(self, probe: Probe, script: str, timeout: float) -> Executed:
        """Runs a script in the pod. Raises ApiRefused, ExecTimeout, StreamEnded and Unreachable."""
        while kept := self._kept(probe):
            with suppress(StreamEnded):  # It may have gone while nobody used it, say with its container.
                return self._run(kept, probe, script, timeout)
        fresh = self._cluster.shell(probe.namespace, probe.pod, probe.container)
        return self._run(fresh, probe, script, timeout)

    def _kept(self, probe: Probe) -> Shell | None:
        with suppress(IndexError):  # Another thread may take the last one first.
            return self._idle.setdefault(probe, []).pop()
        return None

    def _run(self, shell: Shell, probe: Probe, script: str, timeout: float) -> Executed:
        try:
            done = shell.run(script, timeout)
        except BaseException:
            shell.close()
            raise
        self._idle.setdefault(probe, []).append(shell)
        return done

    def close(self) -> None:
        """Ends all shells that nobody uses."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()
