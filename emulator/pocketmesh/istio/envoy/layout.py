"""Where the files and sockets of one Envoy are.

Paths of unix sockets may have no more than 108 bytes (104 on macOS), so everything here is short.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The directory of one Envoy: configuration, its sockets, and one socket for each endpoint."""

    root: Path

    @property
    def bootstrap(self) -> Path:
        return self.root / "envoy.json"

    @property
    def admin(self) -> Path:
        return self.root / "admin"

    def port(self, number: int) -> Path:
        """Where Envoy accepts what reaches a port of a gateway's pod."""
        return self.root / f"p{number}"

    @cached_property
    def inbound(self) -> Path:
        """Where Envoy accepts what ztunnels send to the waypoint."""
        return self.root / "in"

    @property
    def records(self) -> Path:
        """Where Envoy tells us of each request."""
        return self.root / "records"

    def endpoint(self, ip: str, port: int) -> Path:
        """Where the destination's ztunnel accepts what this Envoy sends to a pod's port."""
        return self.root / "e" / f"{ip}:{port}"

    def module(self, digest: str) -> Path:
        """Where a WebAssembly module is that has this digest."""
        return self.root / f"{digest}.wasm"

    @property
    def discovery(self) -> Path:
        """Where Envoy asks for its configuration."""
        return self.root / "xds"

    def create(self) -> None:
        """Makes the directories, for their owner alone."""
        for directory in (self.root, self.root / "e"):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
