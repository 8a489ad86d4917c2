"""fortio, which Istio's guides load services with."""

from __future__ import annotations

from typing import Final

from pocketmesh.node.images import Image, Program

IMAGES: Final = (
    Image(
        "fortio/fortio",
        {"fortio": Program("pocketmesh.node.apps.fortio.program", "fortio")},
        entrypoint=("/usr/bin/fortio",),
        cmd=("server",),
        aliases=("istio/fortio",),
    ),
)
