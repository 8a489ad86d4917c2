"""Istio's tcp-echo-server sample."""

from __future__ import annotations

from typing import Final

from pocketmesh.node.images import Image, Program

IMAGES: Final = (
    Image(
        "istio/tcp-echo-server",
        {"tcp-echo": Program("pocketmesh.node.apps.tcp_echo", "tcp_echo")},
        entrypoint=("/bin/tcp-echo",),
        cmd=("9000", "hello"),
    ),
)
