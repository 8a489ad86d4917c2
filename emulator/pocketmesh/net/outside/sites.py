"""The hosts outside: those that Istio's own pages about egress call.

A new one is a line in SITES. httpbin.org answers as httpbin does; of the others it is the status and the
headers that count, their pages are stand-ins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from pocketmesh.node.commands.web import Call, HttpHandler, Reply

_CLIENT: Final = "203.0.113.1"
"""Whom the hosts see: the one address that the whole cluster has outside."""


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
    return Reply(200, (("content-type", "text/html; charset=utf-8"),), body.encode())


async def httpbin(call: Call) -> Reply:
    """httpbin, behind a load balancer that says itself how it was called."""
    from pocketmesh.node.apps.httpbin.server import answered  # few clusters need it

    headers = tuple(field for field in call.headers if field[0] != "x-forwarded-proto")
    return await answered(False, replace(call, headers=headers, client=_CLIENT))


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
