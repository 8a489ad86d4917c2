"""Istio's echo application: a server that describes each request, and the client that goes with it."""

from __future__ import annotations

from pocketmesh.node.commands.echo.client import client
from pocketmesh.node.commands.echo.server import server

__all__ = ["client", "server"]
