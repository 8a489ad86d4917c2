"""The hosts outside: those that Istio's own pages about egress call.

A new one is a line in SITES. What they answer is a stand-in: the status and the headers that the pages look
at, not the hosts' content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import orjson

from pocketmesh.node.commands.web import Call, HttpHandler, Reply

_HTML: Final = ("content-type", "text/html; charset=utf-8")
_JSON: Final = ("content-type", "application/json")


@dataclass(frozen=True, slots=True)
class Site:
    """One host. `only_https` says that it redirects whoever speaks plain HTTP."""

    host: str
    address: str
    answer: HttpHandler
    only_https: bool = False


async def to_https(call: Call) -> Reply:
    """The redirect of a host that answers over TLS only."""
    return Reply(301, (("location", f"https://{call.authority}{call.target}"),))


async def page(call: Call) -> Reply:
    """A page, whatever the path."""
    host = call.authority.partition(":")[0]
    body = f"<!doctype html><html><head><title>{host}</title></head><body><h1>{host}</h1></body></html>\n"
    return Reply(200, (_HTML,), body.encode())


async def httpbin(call: Call) -> Reply:
    """The part of httpbin that calls from a cluster need: it describes the request, or answers a status."""
    url = urlsplit(call.target)
    if url.path.startswith("/status/"):
        return _status(url.path.removeprefix("/status/"))
    described = _described(call, url.path)
    if described is None:
        return Reply(404, (_HTML,), b"<!doctype html><title>404 Not Found</title>\n")
    allowed = _METHODS.get(url.path, call.method)
    if call.method not in {allowed, "HEAD"}:
        return Reply(
            405, (_HTML, ("allow", allowed)), b"<!doctype html><title>405 Method Not Allowed</title>\n"
        )
    return Reply(200, (_JSON,), orjson.dumps(described, option=orjson.OPT_INDENT_2) + b"\n")


_METHODS: Final = {
    "/get": "GET",
    "/post": "POST",
    "/put": "PUT",
    "/patch": "PATCH",
    "/delete": "DELETE",
    "/headers": "GET",
    "/ip": "GET",
    "/user-agent": "GET",
}


def _described(call: Call, path: str) -> Mapping[str, Any] | None:
    headers = {name.title(): value for name, value in call.headers}
    match path:
        case "/headers":
            return {"headers": headers}
        case "/ip":
            return {"origin": _ORIGIN}
        case "/user-agent":
            return {"user-agent": headers.get("User-Agent", "")}
    if path not in _METHODS and path != "/anything" and not path.startswith("/anything/"):
        return None
    arguments = dict(parse_qsl(urlsplit(call.target).query, keep_blank_values=True))
    scheme = "https" if call.alpn else "http"
    described = {"args": arguments, "headers": headers, "origin": _ORIGIN}
    if path != "/get":
        described["data"] = call.body.decode(errors="replace")
    if path.startswith("/anything"):
        described["method"] = call.method
    return {**described, "url": f"{scheme}://{call.authority}{call.target}"}


def _status(text: str) -> Reply:
    try:
        return Reply(HTTPStatus(int(text)).value, (_HTML,))
    except ValueError:
        return Reply(400, (_HTML,), b"Invalid status code\n")


_ORIGIN: Final = "203.0.113.1"
"""Whom the hosts see: the cluster's one address outside."""

SITES: Final = (
    Site("httpbin.org", "203.0.113.10", httpbin),
    Site("example.com", "203.0.113.20", page),
    Site("www.example.com", "203.0.113.21", page),
    Site("istio.io", "203.0.113.30", page, only_https=True),
    Site("edition.cnn.com", "203.0.113.40", page, only_https=True),
    Site("www.google.com", "203.0.113.50", page),
    Site("www.wikipedia.org", "203.0.113.60", page, only_https=True),
    Site("en.wikipedia.org", "203.0.113.61", page, only_https=True),
    Site("de.wikipedia.org", "203.0.113.62", page, only_https=True),
)
