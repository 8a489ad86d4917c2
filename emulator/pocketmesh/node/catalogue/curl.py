"""curlimages/curl, the image that probes are made of."""

from __future__ import annotations

from typing import Final

from pocketmesh.node.catalogue.busybox import LINUX
from pocketmesh.node.commands.curl import curl
from pocketmesh.node.images import Image

IMAGES: Final = (
    Image(
        "curlimages/curl",
        {**LINUX, "curl": curl},
        entrypoint=("curl",),
        cmd=("--help",),
        aliases=("quay.io/curl/curl", "alpine/curl"),
        user="curl_user",
        workdir="/home/curl_user",
    ),
)
