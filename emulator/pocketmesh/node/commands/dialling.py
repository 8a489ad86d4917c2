"""Connecting from inside a container."""

from __future__ import annotations

import socket

from pocketmesh.node.process import Container


async def dial(container: Container, ip: str, port: int) -> socket.socket:
    """A connected socket; loopback is the pod itself. Raises OSError."""
    target = container.ip if ip.startswith("127.") else ip
    return await container.network.dial(container.ip, target, port)
