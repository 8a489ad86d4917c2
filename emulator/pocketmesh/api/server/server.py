"""The server: one TLS port, every request through the same gate, every failure as a Status.

It keeps no state of its own. A handler that waits (a watch, a log, an exec) is cancelled when its client
goes away.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import orjson
from aiohttp import web

from pocketmesh.api import errors, parsing
from pocketmesh.api.calls import Caller
from pocketmesh.api.discovery import SUBRESOURCES
from pocketmesh.api.errors import ApiError
from pocketmesh.api.registry import Registry
from pocketmesh.api.runtime import PodRuntime
from pocketmesh.api.server import answers, containers, proxying, resources, watches
from pocketmesh.api.server.access import Access, Attributes
from pocketmesh.api.server.call import Call
from pocketmesh.api.server.commits import Commits
from pocketmesh.api.server.documents import Documents
from pocketmesh.api.server.http import Http
from pocketmesh.api.server.pieces import in_pieces
from pocketmesh.api.server.targets import Target, target, verb
from pocketmesh.api.webhooks.webhooks import Webhooks
from pocketmesh.objects import Object
from pocketmesh.schema.kinds import Kind
from pocketmesh.store import StoreUnusable

Verb: TypeAlias = Callable[[Call], Awaitable[web.StreamResponse]]
OnContainer: TypeAlias = Callable[[Call, PodRuntime], Awaitable[web.StreamResponse]]

_VERBS: Final[dict[str, Verb]] = {
    "create": resources.create,
    "delete": resources.delete,
    "deletecollection": resources.delete_collection,
    "get": resources.get,
    "list": resources.list_,
    "patch": resources.patch,
    "update": resources.update,
    "watch": watches.watch,
}
_ON_CONTAINERS: Final[dict[str, OnContainer]] = {
    "attach": containers.attach,
    "exec": containers.execute,
    "log": containers.log,
    "portforward": containers.forward,
    "proxy": proxying.proxy,
}
_PATIENCE: Final = 1.0
_READ_SIZE: Final = 32 * 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExtraCall:
    """A request to a path that is not Kubernetes' own, from a caller who may."""

    method: str
    path: str
    caller: Caller
    body: bytes


Extra: TypeAlias = Callable[[ExtraCall], Awaitable[Object]]
"""Answers an extra path with an object. Raises ApiError."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What the composition root adds: `documents` by whole path, `routes` by the beginning of a path."""

    documents: Mapping[str, Callable[[], Object]] = field(default_factory=dict)
    routes: Mapping[str, Extra] = field(default_factory=dict)


class Server:
    """A running server."""

    def __init__(self, listening: asyncio.Server, http: web.Server) -> None:
        self._listening = listening
        self.http = http
        """Makes the protocol of a connection that has come another way, and been decrypted."""
        self.port: int = listening.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stops listening, ends every conversation, and returns when that is done."""
        self._listening.close()
        await self.http.shutdown(_PATIENCE)
        await self._listening.wait_closed()


async def serve(
    registry: Registry,
    access: Access,
    runtime: PodRuntime,
    *,
    tls: ssl.SSLContext,
    host: str = "127.0.0.1",
    port: int = 0,
    extras: Extras | None = None,
) -> Server:
    """Serves until closed; port 0 takes a free one. Raises OSError when the port is taken."""
    api = _Api(registry, access, runtime, extras or Extras())
    loop = asyncio.get_running_loop()
    http = Http(
        api.handle,
        request_factory=lambda message, payload, protocol, writer, task: web.BaseRequest(
            message, payload, protocol, writer, task, loop, client_max_size=parsing.LIMIT
        ),
        handler_cancellation=True,
    )
    # asyncio's 256 KiB are kept for each connection, and asked of the kernel anew for each read.
    SSLProtocol.max_size = _READ_SIZE
    tls.set_alpn_protocols(["http/1.1"])
    listening = await loop.create_server(http, host, port, ssl=tls)
    return Server(listening, http)


def _certificate(request: web.BaseRequest) -> dict[str, Any] | None:
    """The certificate that the client has shown, if any, with its digest as `sha256`."""
    found: dict[str, Any] | None = request.get_extra_info("peercert")
    tls = request.get_extra_info("ssl_object")
    if not found or tls is None:
        return found
    return {**found, "sha256": hashlib.sha256(tls.getpeercert(binary_form=True)).hexdigest()}


class _Api:
    def __init__(self, registry: Registry, access: Access, runtime: PodRuntime, extras: Extras) -> None:
        self._registry = registry
        self._commits = Commits(registry.store)
        self._access = access
        self._runtime = runtime
        self._routes = extras.routes
        self._webhooks = Webhooks(registry, runtime)
        self._documents = Documents(registry.kinds, extras.documents)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one request, whatever happens."""
        return in_pieces(answers.for_people(request, await self._settled(request)))

    async def _settled(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except ApiError as error:
            return answers.status(error.status())
        except ConnectionError:
            raise
        except StoreUnusable as error:
            return answers.status(errors.internal(f"the state cannot be kept: {error}").status())
        except RecursionError:
            return answers.status(errors.bad_request("the object is nested too deeply").status())
        except Exception:
            _log.exception("%s %s failed", request.method, request.path)
            if request.writer.output_size:
                raise  # too late for a Status
            return answers.status(errors.internal("the request could not be served").status())

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        caller = self._access.authenticate(request.headers, _certificate(request))
        found = target(request.path)
        if found is None:
            return await self._outside(request, caller)
        wanted = verb(request.method, found, request.query)
        self._access.authorize(
            caller,
            Attributes(
                wanted,
                found.group,
                found.version,
                found.plural,
                found.subresource,
                found.namespace,
                found.name,
            ),
        )
        call = Call(request, self._registry, caller, found, self._kind(found), self._commits, self._webhooks)
        part = found.subresource
        if wanted not in (SUBRESOURCES[part].verbs if part else call.kind.verbs):
            raise errors.method_not_allowed()
        if part in _ON_CONTAINERS:
            return await _ON_CONTAINERS[part](call, self._runtime)
        return await _VERBS[wanted](call)

    def _kind(self, found: Target) -> Kind:
        """Raises ApiError 404 for what is not served, or not there in a namespace or out of one."""
        kind = self._registry.kinds.find(found.group, found.version, found.plural)
        if kind is None or (found.subresource and found.subresource not in kind.subresources):
            raise errors.no_such_resource()
        if kind.namespaced != bool(found.namespace) and (found.name or found.namespace):
            raise errors.no_such_resource()
        return kind

    async def _outside(self, request: web.BaseRequest, caller: Caller) -> web.StreamResponse:
        path = request.path
        self._access.authorize(caller, Attributes(request.method.lower(), path=path))
        for beginning, route in self._routes.items():
            if path.startswith(beginning):
                body = await request.read()
                found = await route(ExtraCall(request.method, path.removeprefix(beginning), caller, body))
                return answers.json(orjson.dumps(found))
        document = self._documents.answer(request) if request.method in ("GET", "HEAD") else None
        if document is None:
            raise errors.no_such_resource()
        return document
