"""The pause image: a program that waits."""

from __future__ import annotations

from typing import Final

from pocketmesh.node.commands.small import pause
from pocketmesh.node.images import Image

IMAGES: Final = (
    Image(
        "registry.k8s.io/pause",
        {"pause": pause},
        entrypoint=("/pause",),
        aliases=("k8s.gcr.io/pause", "pause"),
    ),
)
