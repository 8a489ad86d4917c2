"""A container's files: bytes in memory, handed over to the shell's own filesystem when there is a shell.

Most containers never see a shell, and a dict costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from pocketmesh.node.process import Files


class MemoryFiles:
    """Files by absolute path. Directories exist as long as something is in them."""

    def __init__(self, content: Mapping[str, bytes] | None = None) -> None:
        self._content = dict(content or {})
        self._successor: Files | None = None

    def read(self, path: str) -> bytes:
        if self._successor:
            return self._successor.read(path)
        try:
            return self._content[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    def write(self, path: str, content: bytes) -> None:
        if self._successor:
            self._successor.write(path, content)
        else:
            self._content[path] = content

    def exists(self, path: str) -> bool:
        if self._successor:
            return self._successor.exists(path)
        return path in self._content or any(name.startswith(f"{path.rstrip('/')}/") for name in self._content)

    def below(self, path: str) -> list[str]:
        if self._successor:
            return self._successor.below(path)
        inside = f"{path.rstrip('/')}/"
        return sorted(name for name in self._content if name == path or name.startswith(inside))

    def remove(self, path: str) -> None:
        if self._successor:
            self._successor.remove(path)
        else:
            inside = f"{path.rstrip('/')}/"
            self._content = {
                name: data
                for name, data in self._content.items()
                if name != path and not name.startswith(inside)
            }

    @property
    def successor(self) -> Files | None:
        """Who holds the files now, when they have been handed over."""
        return self._successor

    def hand_over(self, successor: Files) -> None:
        """Copies every file to `successor`, which answers from now on."""
        for path, content in self._content.items():
            successor.write(path, content)
        self._content.clear()
        self._successor = successor
