"""The images that come with the node, one small file each; the mesh's come from its own room."""

from __future__ import annotations

from pocketmesh.node.catalogue import (
    authorization,
    bookinfo,
    busybox,
    curl,
    echo,
    echo_advanced,
    fortio,
    helloworld,
    httpbin,
    nginx,
    pause,
    tcp_echo,
)
from pocketmesh.node.images import Image


def standard_images() -> list[Image]:
    """All of them."""
    parts = (
        authorization,
        bookinfo,
        busybox,
        curl,
        echo,
        echo_advanced,
        fortio,
        helloworld,
        httpbin,
        nginx,
        pause,
        tcp_echo,
    )
    return [image for part in parts for image in part.IMAGES]
