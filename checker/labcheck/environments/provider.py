"""What an environment needs from whatever runs its cluster. Neither checks nor guides know which it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from labcheck.kube import Cluster
from labcheck.kube.connection import Object

if TYPE_CHECKING:
    from labcheck.lab.variant import Variant

Progress: TypeAlias = Callable[[str], None]


def silent(text: str) -> None:
    """Says nothing of the progress."""


class Provider(Protocol):
    """Runs clusters, each in a folder of its own."""

    name: str
    setup_timeout: float
    """Seconds after which a setup that is not ready never will be."""

    traces: bool
    """Whether its clusters tell the way of a request."""

    prefix: str
    """What stands before the names of its labs' namespaces; nothing where a cluster is the lab's own."""
    light: bool
    """Whether a machine bears several of its environments side by side."""
    exact: bool
    """Whether `restore` brings back the very same objects, with their uids."""
    shared: bool
    """Whether all of its environments are in one cluster, which is others' as well."""

    def many(self, scratch: Path) -> AbstractContextManager[Provider]:
        """The same, prepared to start many clusters. What that takes is kept in `scratch` until the end."""

    def start(self, folder: Path, variant: Variant) -> None:
        """Begins to start the cluster of `folder`, new or stopped; returns at once."""

    def wait(self, folder: Path, progress: Progress = silent) -> Path:
        """The administrator's kubeconfig, when the cluster answers. Raises EnvironmentTrouble."""

    def running(self, folder: Path) -> bool:
        """Whether the cluster of `folder` runs."""

    def gone(self, folder: Path) -> bool:
        """Whether the cluster of `folder` was taken away by somebody else, and will not come back."""

    def stop(self, folder: Path) -> None:
        """Ends the cluster of `folder`, which may be gone already; what is in the folder stays."""

    def abandon(self, folder: Path) -> bool:
        """Clears up after a start that did not succeed; True when the next one can go on from there."""

    def snapshot(self, folder: Path, cluster: Cluster, name: str) -> None:
        """Keeps the cluster's objects as they are, under a name."""

    def restore(self, folder: Path, cluster: Cluster, name: str) -> None:
        """Brings back those that were kept under the name."""

    def everything(self, cluster: Cluster) -> Iterable[Object]:
        """The objects that the cluster holds, each with its apiVersion and kind; those of kinds whose objects
        come and go by themselves may be missing."""

    def converge(self, folder: Path, over: Cluster | None = None) -> float:
        """Waits until the cluster has followed every change, where it can tell; asks `over` a connection that
        is open already, where there is one.

        Returns the patience of a grading that begins now: seconds that the mesh may still need to follow a
        change. A check's failure must last that long.
        """

    def logs(self, folder: Path) -> Path:
        """The file with what was said while the cluster was started, and since."""
