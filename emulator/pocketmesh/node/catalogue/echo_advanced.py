"""Istio's echo application, under the name that the Gateway API gives it and under Istio's own."""

from __future__ import annotations

from typing import Final

from pocketmesh.node.commands.echo import client, server
from pocketmesh.node.images import Image

IMAGES: Final = (
    Image(
        "gcr.io/k8s-staging-gateway-api/echo-advanced",
        {"server": server, "client": client},
        entrypoint=("/usr/local/bin/server",),
        aliases=("registry.k8s.io/gateway-api/echo-advanced", "istio/app"),
    ),
)
