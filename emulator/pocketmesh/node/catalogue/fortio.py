"""fortio, which Istio's guides load services with."""

from __future__ import annotations

from typing import Final

from pocketmesh.node.images import Image, Program

FORTIO: Final = Program("pocketmesh.node.apps.fortio.program", "fortio")
IMAGES: Final = (
    Image(
        "fortio/fortio",
        {"fortio": FORTIO},
        entrypoint=("/usr/bin/fortio",),
        cmd=("server",),
        aliases=("istio/fortio",),
    ),
)
