"""The versions that belong together, read from `versions.yml`, the one file that names any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("versions.yml")


@dataclass(frozen=True, slots=True)
class Tool:
    """A program of the user's, the versions of it that will do, and where its publisher has it."""

    name: str
    version: str
    oldest: str
    below: str
    asked: tuple[str, ...]
    """Arguments that make it say its version."""
    url: str
    checksum: str
    """What the name of the file with the checksum ends in, beside the download."""
    member: str = ""
    """The program's name in an archive; empty where the download is the program."""
    darwin: str = "darwin"
    """What the publisher calls macOS."""

    def fits(self, version: str) -> bool:
        """Whether the labs are known to work with that version of it."""
        return _numbers(self.oldest) <= _numbers(version) < _numbers(self.below)


@dataclass(frozen=True, slots=True)
class Needs:
    """What one environment takes of the machine."""

    memory_mb: int
    node_memory_mb: int
    cpus: int
    disk_mb: int
    inotify_instances: int
    inotify_watches: int

    def memory(self, nodes: int) -> int:
        """Megabytes for a cluster of so many nodes."""
        return self.memory_mb + (nodes - 1) * self.node_memory_mb


@dataclass(frozen=True, slots=True)
class Versions:
    """The whole table."""

    node_image: str
    gateway_api_crds: str
    istio: str
    istio_images: tuple[str, ...]
    tools: Mapping[str, Tool]
    needs: Needs


@cache
def versions() -> Versions:
    """What `versions.yml` says."""
    import yaml

    return read(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def read(data: Mapping[str, Any]) -> Versions:
    """The table as types."""
    node = data["kind_node"]
    return Versions(
        node_image=node["image"] + (f"@{node['digest']}" if "digest" in node else ""),
        gateway_api_crds=data["gateway_api"]["crds"],
        istio=data["istio"]["version"],
        istio_images=tuple(data["istio"]["images"]),
        tools={name: _tool(name, tool) for name, tool in data["tools"].items()},
        needs=Needs(**data["needs"]),
    )


def _tool(name: str, data: Mapping[str, Any]) -> Tool:
    rest = {key: value for key, value in data.items() if key not in {"from", "asked"}}
    return Tool(name, oldest=data["from"], asked=tuple(data["asked"]), **rest)


def _numbers(version: str) -> tuple[int, ...]:
    """`1.36.4-dispatcher` as numbers, so that 1.9 comes before 1.10.

    >>> _numbers("1.36.4-dispatcher")
    (1, 36, 4)
    """
    found: list[int] = []
    for part in version.lstrip("v").partition("-")[0].partition("+")[0].split("."):
        if not part.isdigit():
            break
        found.append(int(part))
    return tuple(found)
