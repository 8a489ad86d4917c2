"""A watch as a stream of JSON lines that ends when the client goes, the time is up or events were lost.

Source: k8s.io/apiserver/pkg/endpoints/handlers/watch.go and KEP-3157 (WatchList).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import orjson
from aiohttp import web

from pocketmesh.api import errors
from pocketmesh.api.errors import ApiError
from pocketmesh.api.server import options
from pocketmesh.api.server.answers import transformed
from pocketmesh.api.server.call import Call
from pocketmesh.api.server.negotiation import Form
from pocketmesh.api.server.targets import is_set
from pocketmesh.api.watching import Watching
from pocketmesh.objects import Object
from pocketmesh.store import Expired, Stored

BOOKMARK_SECONDS: Final = 60.0
LONGEST_SECONDS: Final = 3600
READER_SECONDS: Final = 30.0
"""How long a client may leave its connection full before it is cut off."""

_INITIAL_END: Final = {"k8s.io/initial-events-end": "true"}
_PIECE: Final = 128 * 1024


@dataclass(slots=True)
class Lines:
    """Writes changes the way one client reads them; a table describes its columns only once."""

    call: Call
    form: Form
    headed: bool = True

    def change(self, kind: str, stored: Stored) -> bytes:
        """One event."""
        return _line(kind, self._body(stored))

    def bookmark(self, revision: int, annotations: Object | None = None) -> bytes:
        """An event that carries a revision and nothing else."""
        metadata: Object = {"resourceVersion": str(revision), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        kind = self.call.kind
        if not self.form.kind:
            obj = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
        elif self.form.kind == "Table":
            obj = {"kind": "Table", "apiVersion": self.form.api_version, "metadata": metadata, "rows": []}
        else:
            obj = {"kind": self.form.kind, "apiVersion": self.form.api_version, "metadata": metadata}
        return _line("BOOKMARK", orjson.dumps(obj))

    def failure(self, error: ApiError) -> bytes:
        """The event that ends a watch that cannot go on."""
        return _line("ERROR", orjson.dumps(error.status()))

    def _body(self, stored: Stored) -> bytes:
        if not self.form.kind:
            return stored.body
        metadata = {"resourceVersion": str(stored.revision)}
        body = transformed(self.call, self.form, [stored], metadata, headed=self.headed)
        self.headed = False
        return body


async def watch(call: Call) -> web.StreamResponse:
    """Streams the changes of a resource. Raises ApiError 400, 406, 422 or 504 before the first line."""
    query = call.query
    lines = Lines(call, call.form)
    bookmarks = is_set(query, "allowWatchBookmarks")
    listed = _lists_first(call)
    seconds = call.number("timeoutSeconds") or LONGEST_SECONDS
    since = None if listed else call.revision()
    selection = call.selection
    if listed and (least := call.revision()) and least > call.registry.store.revision:
        raise errors.future_revision(least, call.registry.store.revision)
    if query.get("sendInitialEvents") and not listed and since is None:
        since = call.registry.store.revision
    try:
        watching = call.registry.watch(call.kind, call.target.namespace, selection, since=since)
    except ApiError as error:
        if error.code != 410:
            raise
        return await _refused(call, lines, error)
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    try:
        await response.prepare(call.request)
        stream = _Stream(call.request, response)
        for stored in watching.initial:
            await stream.add(lines.change("ADDED", stored))
        if listed and bookmarks:
            await stream.add(lines.bookmark(watching.revision, _INITIAL_END))
        await stream.flush()
        await _follow(stream, watching, lines, seconds, bookmarks)
        await response.write_eof()
    except ConnectionError:
        pass  # the client went away, which is how most watches end
    finally:
        watching.close()
    return response


def _lists_first(call: Call) -> bool:
    """Whether the client wants the state as events first. Raises ApiError 422 for a half-said wish."""
    problems = options.of_watch(call.query)
    if problems:
        raise errors.invalid_options("ListOptions", problems)
    return is_set(call.query, "sendInitialEvents")


async def _refused(call: Call, lines: Lines, error: ApiError) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(call.request)
    await response.write(lines.failure(error))
    await response.write_eof()
    return response


class _Stream:
    """Lines on their way to one client, in pieces: no more than one waits for a client that is slow."""

    def __init__(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        self._request = request
        self._response = response
        self._piece = bytearray()

    async def add(self, line: bytes) -> None:
        """Raises ConnectionError when the client is gone, or cut off because it does not read."""
        self._piece += line
        if len(self._piece) >= _PIECE:
            await self.flush()

    async def flush(self) -> None:
        """Sends what was added. Raises ConnectionError."""
        if not self._piece:
            return
        piece, self._piece = self._piece, bytearray()
        try:
            async with asyncio.timeout(READER_SECONDS):
                await self._response.write(piece)
        except TimeoutError:
            if self._request.transport is not None:
                self._request.transport.abort()
            raise ConnectionResetError("the client does not read") from None


async def _follow(stream: _Stream, watching: Watching, lines: Lines, seconds: float, bookmarks: bool) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    bookmark_at = loop.time() + BOOKMARK_SECONDS
    while True:
        try:
            async with asyncio.timeout_at(min(end, bookmark_at) if bookmarks else end):
                change = await anext(watching)
            await stream.add(lines.change(change.type, change.stored))
        except TimeoutError:
            pass
        except StopAsyncIteration:
            return
        except Expired as error:
            await stream.add(lines.failure(errors.expired(str(error))))
            await stream.flush()
            return
        while (waiting := watching.pending()) is not None:
            await stream.add(lines.change(waiting.type, waiting.stored))
        if bookmarks and loop.time() >= bookmark_at:
            bookmark_at = loop.time() + BOOKMARK_SECONDS
            await stream.add(lines.bookmark(lines.call.registry.store.revision))
        await stream.flush()
        if loop.time() >= end:
            return


def _line(kind: str, body: bytes) -> bytes:
    return b'{"type":"' + kind.encode() + b'","object":' + body + b"}\n"
