"""What an environment needs from whatever runs its cluster. Neither checks nor guides know which it is."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from labcheck.errors import UsageError, did_you_mean
from labcheck.kube import Cluster
from labcheck.lab.model import PROVIDERS, Lab


class Provider(Protocol):
    """Runs clusters, each in a folder of its own."""

    name: str
    patience: float
    """Seconds that the mesh may need to follow a change; a check's failure must last that long."""
    setup_timeout: float
    """Seconds after which a setup that is not ready never will be."""

    traces: bool
    """Whether its clusters tell the way of a request."""

    def start(self, folder: Path, lab: Lab) -> None:
        """Begins to start the cluster of `folder`, new or stopped; returns at once."""

    def wait(self, folder: Path) -> Path:
        """The administrator's kubeconfig, when the cluster answers. Raises EnvironmentTrouble."""

    def running(self, folder: Path) -> bool:
        """Whether the cluster of `folder` runs."""

    def stop(self, folder: Path) -> None:
        """Ends the cluster of `folder`, which may be gone already; its state stays."""

    def snapshot(self, cluster: Cluster, name: str) -> None:
        """Keeps the cluster's objects under `name`."""

    def restore(self, cluster: Cluster, name: str) -> None:
        """Brings them back."""


def provider(name: str) -> Provider:
    """The provider called `name`. Raises UsageError for one that does not exist, or not in this version."""
    if name == "embedded":
        from labcheck.environments.embedded import Embedded

        return Embedded()
    if name in PROVIDERS:
        raise UsageError(
            f"The provider `{name}` is not part of this version of labcheck.",
            next_step="Leave out --provider: the embedded cluster needs no Docker.",
        )
    raise UsageError(f"There is no provider `{name}`. {did_you_mean(name, PROVIDERS)}")


def provider_for(lab: Lab, name: str | None) -> Provider:
    """The provider that was asked for, or the lab's first. Raises UsageError if the lab lacks it."""
    supported = lab.environment.providers
    chosen = name or supported[0]
    if chosen in PROVIDERS and chosen not in supported:
        raise UsageError(f"{lab.id} does not run on `{chosen}`; it runs on {', '.join(supported)}.")
    return provider(chosen)
