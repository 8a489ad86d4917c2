"""HTTP over a connection that is there already, such as one into the cluster's network."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler


class Dialled(aiohttp.BaseConnector):
    """Makes the one connection of a session out of a connected socket, with TLS where there is a context."""

    def __init__(
        self, connection: socket.socket, tls: ssl.SSLContext | None = None, host: str | None = None
    ) -> None:
        super().__init__(force_close=True)
        self._connection = connection
        self._tls = tls
        self._host = host

    async def _create_connection(self, *_: Any) -> ResponseHandler:
        factory: Callable[[], ResponseHandler] = self._factory
        loop = asyncio.get_running_loop()
        opened = await loop.create_connection(
            factory, sock=self._connection, ssl=self._tls, server_hostname=self._host
        )
        return opened[1]
