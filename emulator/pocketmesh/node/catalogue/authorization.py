"""Istio's samples for authorization: the external server, and the one that hands out keys for JWTs."""

from __future__ import annotations

from typing import Final

from pocketmesh.node.images import Image, Program

IMAGES: Final = (
    Image(
        "istio/ext-authz",
        {"extauthz": Program("pocketmesh.node.apps.extauthz.server", "extauthz")},
        entrypoint=("/usr/local/bin/extauthz",),
    ),
    Image(
        "istio/jwt-server",
        {"jwt-server": Program("pocketmesh.node.apps.jwks", "jwt_server")},
        entrypoint=("/usr/local/bin/jwt-server",),
    ),
)
