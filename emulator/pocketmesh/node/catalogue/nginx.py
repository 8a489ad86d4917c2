"""nginx, as people put it into their first Deployment."""

from __future__ import annotations

from typing import Final

from pocketmesh.node.catalogue.busybox import LINUX
from pocketmesh.node.commands.curl import curl
from pocketmesh.node.images import Image, Program

_MODULE: Final = "pocketmesh.node.apps.nginx.program"


def _image(name: str, program: str, *aliases: str) -> Image:
    return Image(
        name,
        {
            **LINUX,
            "curl": curl,
            "docker-entrypoint.sh": Program(_MODULE, "entrypoint"),
            "nginx": Program(_MODULE, program),
        },
        entrypoint=("/docker-entrypoint.sh",),
        cmd=("nginx", "-g", "daemon off;"),
        aliases=aliases,
        env={"NGINX_VERSION": "1.29.1"},
    )


IMAGES: Final = (
    _image("nginx", "nginx", "public.ecr.aws/nginx/nginx", "public.ecr.aws/docker/library/nginx"),
    _image("nginxinc/nginx-unprivileged", "unprivileged"),
)
