"""The node's disk: what lies on it for good, and what is its pods' and goes with them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Disk:
    """A directory that stands for the node's disk; nothing outside of it is ever touched."""

    directory: Path

    def at(self, path: str) -> Path:
        """Where a normalized path of the node lies."""
        return self._root / path.lstrip("/")

    def of_pod(self, uid: str) -> Path:
        """The directory of a pod's own volumes."""
        return self.directory / "pods" / uid

    def pods(self) -> Iterator[str]:
        """The uids of the pods that have one."""
        directory = self.directory / "pods"
        return (each.name for each in directory.iterdir()) if directory.is_dir() else iter(())

    def keep(self, copy: Path) -> None:
        """Makes `copy` as the disk is now, but for what is its pods': they start anew from a snapshot."""
        remove(copy)
        self._root.mkdir(parents=True, exist_ok=True)
        shutil.copytree(self._root, copy, symlinks=True)

    def bring_back(self, copy: Path) -> None:
        """Makes the disk as it was when it was kept; without a copy it stays as it is."""
        if copy.is_dir():
            remove(self._root)
            shutil.copytree(copy, self._root, symlinks=True)

    @property
    def _root(self) -> Path:
        return self.directory / "root"


def remove(directory: Path) -> None:
    """Removes a directory and all that is in it; harmless when absent."""
    shutil.rmtree(directory, ignore_errors=True)
