"""WebAssembly modules as plugins name them, and as one proxy has them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """Where a module comes from, and the digest that it must have, if one is wanted. `version` is that of the
    plugin, when what is there has to be asked for again each time the plugin is applied."""

    url: str
    sha256: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Module:
    """The file that a proxy has a module in, or the problem that it has not."""

    path: str = ""
    problem: str = ""
