"""ratings: how many stars each reviewer gave. It keeps them in memory, and has no database behind it."""

from __future__ import annotations

import asyncio
import random
from typing import Final

import orjson

from pocketmesh.node.apps.bookinfo.wire import PORT, json, number
from pocketmesh.node.commands.serving import Served, serve_http
from pocketmesh.node.commands.web import Call, Reply
from pocketmesh.node.process import Invocation

_STARS: Final = {"Reviewer1": 5, "Reviewer2": 4}
_SLOW: Final = 7.0
_UNAVAILABLE: Final = Reply(503, body=b"Service unavailable")


async def ratings(invocation: Invocation) -> int:
    """`node ratings.js PORT`; SERVICE_VERSION v-faulty, v-delayed or v-unavailable breaks it as upstream."""
    words = [word for word in invocation.argv[1:] if word.isdecimal()]
    port = int(words[0]) if words else PORT
    service = Ratings(invocation.env.get("SERVICE_VERSION", ""))
    await invocation.stdout.write(f"Server listening on: http://0.0.0.0:{port}\n".encode())
    return await serve_http(invocation, service.answer, port, note=_line)


class Ratings:
    """One running service; what is posted replaces a book's stars until it ends."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._posted: dict[int, dict[str, int]] = {}

    async def answer(self, call: Call) -> Reply:
        """The answer to a request, late or a failure when the version is a faulty one."""
        if call.path.startswith("/ratings/"):
            chance = random.random() if self._version in ("v-faulty", "v-delayed") else 0.0
            if self._version == "v-unavailable" or (self._version == "v-faulty" and chance > 0.5):
                return _UNAVAILABLE
            if self._version == "v-delayed" and chance > 0.5:
                await asyncio.sleep(_SLOW)
        return self.reply(call)

    def reply(self, call: Call) -> Reply:
        """The answer of a service without faults."""
        if call.path == "/health":
            return json({"status": "Ratings is healthy"})
        if not call.path.startswith("/ratings/"):
            return Reply(404, body=b"not found")
        product = number(call.path.removeprefix("/ratings/"))
        if product is None:
            return json({"error": "please provide numeric product ID"}, 400)
        if call.method == "POST":
            try:
                self._posted[product] = dict(orjson.loads(call.body))
            except (ValueError, TypeError):
                return json({"error": "please provide valid ratings JSON"}, 400)
        return json({"id": product, "ratings": self._posted.get(product, _STARS)})


def _line(served: Served) -> str:
    return f"{served.call.method} {served.call.target}"
