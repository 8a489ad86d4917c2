"""A container's files: its own in memory, and the volumes that are mounted over them.

What a container has of its own is handed over to the shell's filesystem when there is a shell: most
containers never see one, and a dict costs nothing. Volumes that programs write to are directories of the
node's disk, as a kubelet's are.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from pocketmesh.node.process import Files

USUAL: Final = 0o644
"""The permissions of a file that nothing is said about."""


@dataclass(frozen=True, slots=True)
class File:
    """A file's content and permissions."""

    content: bytes
    mode: int = USUAL


class Successor(Files, Protocol):
    """Who takes over the files of a container once it has a shell."""

    def chmod(self, path: str, mode: int) -> None:
        """Sets a file's permissions."""
        ...


class MemoryFiles:
    """Files by absolute path. Directories exist as long as something is in them."""

    def __init__(self, content: Mapping[str, bytes] | None = None) -> None:
        self._content = {path: File(data) for path, data in (content or {}).items()}
        self._successor: Successor | None = None

    def read(self, path: str) -> bytes:
        if self._successor:
            return self._successor.read(path)
        try:
            return self._content[path].content
        except KeyError:
            raise FileNotFoundError(path) from None

    def write(self, path: str, content: bytes) -> None:
        self._put(path, File(content))

    def exists(self, path: str) -> bool:
        if self._successor:
            return self._successor.exists(path)
        return path in self._content or any(name.startswith(_inside(path)) for name in self._content)

    def below(self, path: str) -> list[str]:
        if self._successor:
            return self._successor.below(path)
        return sorted(name for name in self._content if name == path or name.startswith(_inside(path)))

    def remove(self, path: str) -> None:
        if self._successor:
            self._successor.remove(path)
        else:
            for name in self.below(path):
                del self._content[name]

    def become(self, files: Mapping[str, File], before: Mapping[str, File]) -> None:
        """Takes these files in the place of those that were given before; only what differs is touched."""
        for path in before.keys() - files.keys():
            self.remove(path)
        for path, file in files.items():
            if before.get(path) != file:
                self._put(path, file)

    @property
    def successor(self) -> Successor | None:
        """Who holds the files now, when they have been handed over."""
        return self._successor

    def hand_over(self, successor: Successor) -> None:
        """Copies every file to `successor`, which answers from now on."""
        self._successor = successor
        for path, file in self._content.items():
            self._put(path, file)
        self._content.clear()

    def _put(self, path: str, file: File) -> None:
        if self._successor is None:
            self._content[path] = file
            return
        self._successor.write(path, file.content)
        if file.mode != USUAL:
            self._successor.chmod(path, file.mode)


class DiskFiles:
    """Files in a directory of the node's disk, which stands for `/`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def read(self, path: str) -> bytes:
        place = self._place(path)
        if not place.is_file():
            raise FileNotFoundError(path)
        return place.read_bytes()

    def write(self, path: str, content: bytes) -> None:
        place = self._place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def exists(self, path: str) -> bool:
        return self._place(path).exists()

    def below(self, path: str) -> list[str]:
        place = self._place(path)
        found = [place] if place.is_file() else sorted(each for each in place.rglob("*") if each.is_file())
        return [f"/{each.relative_to(self.directory)}" for each in found]

    def remove(self, path: str) -> None:
        place = self._place(path)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)

    def _place(self, path: str) -> Path:
        return self.directory / os.path.normpath(f"/{path}").lstrip("/")


@dataclass(frozen=True, slots=True)
class Mount:
    """Files that are seen at a path of a container."""

    path: str
    files: MemoryFiles | DiskFiles
    read_only: bool = False


class MountedFiles:
    """A container's own files with volumes mounted over them; the longest path wins."""

    def __init__(self, own: MemoryFiles, mounts: Sequence[Mount] = ()) -> None:
        self.own = own
        self.mounts = sorted(mounts, key=lambda mount: -len(mount.path))

    def read(self, path: str) -> bytes:
        files, inner, _ = self._at(path)
        try:
            return files.read(inner)
        except FileNotFoundError:
            raise FileNotFoundError(path) from None

    def write(self, path: str, content: bytes) -> None:
        self._writable(path).write(self._at(path)[1], content)

    def exists(self, path: str) -> bool:
        files, inner, _ = self._at(path)
        mounted = any(f"{mount.path}/".startswith(_inside(path)) for mount in self.mounts)
        return mounted or files.exists(inner)

    def below(self, path: str) -> list[str]:
        files, inner, place = self._at(path)
        found = [f"{place}{name}" for name in files.below(inner)]
        for mount in self.mounts:
            if mount.path.startswith(_inside(path)):
                found = [name for name in found if not name.startswith(_inside(mount.path))]
                found += [f"{mount.path}{name}" for name in mount.files.below("/")]
        return sorted(found)

    def remove(self, path: str) -> None:
        self._writable(path).remove(self._at(path)[1])

    def _writable(self, path: str) -> MemoryFiles | DiskFiles:
        mount = self._mount(path)
        if mount is not None and mount.read_only:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        return mount.files if mount else self.own

    def _at(self, path: str) -> tuple[MemoryFiles | DiskFiles, str, str]:
        """The files at a path, what the path is called there, and where they are mounted."""
        mount = self._mount(path)
        if mount is None:
            return self.own, path, ""
        return mount.files, path.removeprefix(mount.path) or "/", mount.path

    def _mount(self, path: str) -> Mount | None:
        return next((each for each in self.mounts if f"{path}/".startswith(f"{each.path}/")), None)


def _inside(path: str) -> str:
    return f"{path.rstrip('/')}/"
