"""Istio's helloworld sample, which says which version of it answered, and from which pod.

The application is Flask behind gunicorn (istio/istio samples/helloworld/src/app.py).
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from pocketmesh.node.commands.sh import shell_commands
from pocketmesh.node.commands.small import SMALL
from pocketmesh.node.commands.web import serve
from pocketmesh.node.images import Image
from pocketmesh.node.process import Invocation

PORT: Final = 5000
_NOT_FOUND: Final = (
    "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
    "<p>The requested URL was not found on the server. "
    "If you entered the URL manually please check your spelling and try again.</p>\n"
)


async def helloworld(invocation: Invocation) -> int:
    """Answers /hello and /health on port 5000."""
    version, instance = invocation.env.get("SERVICE_VERSION", ""), invocation.env.get("HOSTNAME", "")
    pages = {
        "/hello": f"Hello version: {version}, instance: {instance}\n",
        "/health": "Helloworld is healthy",
    }

    async def answer(request: web.BaseRequest) -> web.Response:
        page = pages.get(request.path)
        response = web.Response(
            status=404 if page is None else 200,
            text=_NOT_FOUND if page is None else page,
            content_type="text/html",
            charset="utf-8",
        )
        response.headers["Server"] = "gunicorn"
        return response

    await invocation.stderr.write(f"[INFO] Listening at: http://0.0.0.0:{PORT} (1)\n".encode())
    await serve(invocation.container, PORT, answer)
    return 0


def _image(version: str) -> Image:
    return Image(
        f"istio/examples-helloworld-{version}",
        {**shell_commands(), **SMALL, "gunicorn": helloworld},
        cmd=("gunicorn", "-b", f"0.0.0.0:{PORT}", "app:app"),
        workdir="/opt/microservices",
        env={"SERVICE_VERSION": version},
    )


IMAGES: Final = (_image("v1"), _image("v2"))
