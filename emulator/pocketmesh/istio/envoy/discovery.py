"""The server that an Envoy asks for its configuration: it answers when there is something new.

Envoy could read files itself, but it takes an inotify instance for each of them, of which Linux grants a
user 128 by default: forty Services, and it aborts. A request that waits costs a connection to a socket.
Protocol: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, REST-JSON polling.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final
from urllib.parse import unquote

import orjson
from aiohttp import web

from pocketmesh.istio.envoy.xds import version_of

_PATIENCE: Final = 0.01  # 0 would wait for every open request
_PAUSE: Final = 0.01
_KINDS: Final = {"listeners": "lds", "clusters": "cds", "endpoints": "eds", "routes": "rds"}

Name = tuple[str, str]
"""The kind of a resource, and its own name where a request asks for one."""


def resource_of(file: str) -> Name:
    """What a file of a configuration holds."""
    kind, _, rest = file.removesuffix(".json").partition("/")
    return kind, unquote(rest)


class Discovery:
    """What one Envoy may ask for, served on a unix socket as long as the block runs."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._texts: dict[Name, str] = {}
        self._versions: dict[Name, str] = {}
        self._answered: dict[Name, str] = {}
        self._changed = asyncio.Event()
        # A question whose asker has gone ends, so that none are left over.
        self._server = web.Server(self._answer, access_log=None, handler_cancellation=True)

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_unix_server(self._server, str(self._socket))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        await self._server.shutdown(_PATIENCE)

    def publish(self, files: Mapping[str, str]) -> None:
        """Answers all who wait for one of these."""
        for file, text in files.items():
            self._texts[resource_of(file)] = text
            self._versions[resource_of(file)] = version_of(text)
            self._answered.pop(resource_of(file), None)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def withdraw(self, file: str) -> None:
        """Forgets what nobody asks for any more."""
        del self._texts[resource_of(file)], self._versions[resource_of(file)]

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        asked = orjson.loads(await request.read())
        kind = _KINDS[request.path.rpartition(":")[2]]
        name = (kind, (asked.get("resource_names") or [""])[0])
        known = asked.get("version_info", "")
        if not known and name in self._answered:
            await asyncio.sleep(_PAUSE)  # it asks anew, or could not use its first answer
        while self._versions.get(name, known) == known or (known and self._answered.get(name) == known):
            # It has the latest, or asks again because it rejected that.
            await self._changed.wait()
        self._answered[name] = known
        return web.Response(text=self._texts[name], content_type="application/json")
