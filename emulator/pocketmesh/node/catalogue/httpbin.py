"""httpbin: the one in Go, as in Istio's samples today, and the one in Python that they had before."""

from __future__ import annotations

from typing import Final

from pocketmesh.node.catalogue.busybox import LINUX
from pocketmesh.node.images import Image, Program

_SERVER: Final = "pocketmesh.node.apps.httpbin.server"
IMAGES: Final = (
    Image(
        "mccutchen/go-httpbin",
        {"go-httpbin": Program(_SERVER, "go_httpbin")},
        cmd=("/bin/go-httpbin",),
        aliases=("ghcr.io/mccutchen/go-httpbin",),
    ),
    Image(
        "kennethreitz/httpbin",
        {**LINUX, "gunicorn": Program(_SERVER, "gunicorn")},
        cmd=("gunicorn", "-b", "0.0.0.0:80", "httpbin:app", "-k", "gevent"),
        aliases=("kong/httpbin", "citizenstig/httpbin", "simonkowallik/httpbin"),
    ),
)
