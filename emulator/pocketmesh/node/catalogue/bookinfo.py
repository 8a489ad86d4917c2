"""Istio's Bookinfo, one image for each service and version."""

from __future__ import annotations

from typing import Final

from pocketmesh.node.commands.sh import shell_commands
from pocketmesh.node.commands.small import SMALL
from pocketmesh.node.images import Image, Program


def _image(service: str, version: str, program: str, *words: str, **env: str) -> Image:
    return Image(
        f"istio/examples-bookinfo-{service}-{version}",
        {
            **shell_commands(),
            **SMALL,
            program: Program(f"pocketmesh.node.apps.bookinfo.{service}", service),
        },
        cmd=(program, *words),
        workdir="/opt/microservices",
        env=env,
    )


_STARS: Final = {"ENABLE_RATINGS": "true"}
IMAGES: Final = (
    _image("details", "v1", "ruby", "details.rb", "9080", SERVICE_VERSION="v1"),
    _image("productpage", "v1", "gunicorn", "-b", "[::]:9080", "productpage:app"),
    _image("ratings", "v1", "node", "ratings.js", "9080", SERVICE_VERSION="v1"),
    _image("reviews", "v1", "server", "run", "defaultServer", SERVICE_VERSION="v1", ENABLE_RATINGS="false"),
    _image("reviews", "v2", "server", "run", "defaultServer", SERVICE_VERSION="v2", **_STARS),
    _image(
        "reviews", "v3", "server", "run", "defaultServer", SERVICE_VERSION="v3", STAR_COLOR="red", **_STARS
    ),
)
