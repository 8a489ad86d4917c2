"""Answers of httpbin whose body matters: bytes, streams, packed ones, pictures, and a WebSocket."""

from __future__ import annotations

import base64
import gzip
import random
import zlib
from typing import Final

import orjson
from aiohttp import WSMsgType, web

from pocketmesh.node.apps.httpbin import samples
from pocketmesh.node.apps.httpbin.request import TEXT, Asked, Route
from pocketmesh.node.apps.httpbin.wishes import LONGEST, duration, number
from pocketmesh.node.commands.web import Reply

LARGEST: Final = 1024 * 1024


def random_bytes(asked: Asked, rest: list[str]) -> Reply:
    """`/bytes/N?seed=S`: the same bytes for the same seed."""
    size, seed = number(rest[0], 0, LARGEST, "byte count"), asked.value("seed")
    chance = random.Random(int(seed) if seed else None)
    return Reply(headers=(("content-type", "application/octet-stream"),), body=chance.randbytes(size))


def stream(asked: Asked, rest: list[str]) -> Reply:
    """`/stream/N`: a description of the request on each line."""
    count = min(max(number(rest[0], -(10**9), 10**9, "count"), 1), 100)
    said = asked.described()
    lines = [orjson.dumps({"id": place, **said}) + b"\n" for place in range(count)]
    return Reply(headers=(("content-type", "application/json"),), body=b"".join(lines))


def drip(asked: Asked, rest: list[str]) -> Reply:
    """`/drip?numbytes=N`: late, and in one piece."""
    size = number(asked.value("numbytes", "10"), 1, LARGEST, "numbytes")
    status = number(asked.value("code", "200"), 100, 599, "status code")
    if sum(duration(asked.value(name, "2s")) for name in ("delay", "duration")) > LONGEST:
        raise ValueError("too much time")
    return Reply(status, (TEXT,), b"*" * size)


def letters(asked: Asked, rest: list[str]) -> Reply:
    """`/range/N`: the alphabet, again and again."""
    size = number(rest[0], 1, LARGEST, "count")
    return Reply(headers=(TEXT, ("etag", f"range{size}")), body=bytes(97 + at % 26 for at in range(size)))


def packed(asked: Asked, rest: list[str]) -> Reply:
    """`/gzip` and `/deflate`."""
    name = asked.words[0]
    reply = asked.json({**asked.described(), "gzipped" if name == "gzip" else "deflated": True})
    body = gzip.compress(reply.body) if name == "gzip" else zlib.compress(reply.body)
    return Reply(headers=(*reply.headers, ("content-encoding", name)), body=body)


def based64(asked: Asked, rest: list[str]) -> Reply:
    """`/base64/[encode/]TEXT`."""
    operation, data = rest if len(rest) == 2 else ("decode", rest[0])
    code = base64.urlsafe_b64encode if operation == "encode" else base64.urlsafe_b64decode
    return Reply(headers=(TEXT,), body=code(data.encode()))


def image(asked: Asked, rest: list[str]) -> Reply:
    """`/image` as the client likes it, or `/image/KIND`."""
    accept = asked.call.header("accept")
    kind = rest[0] if rest else "svg" if "image/svg" in accept else "png"
    picture = samples.PICTURES.get(kind)
    if picture is None:
        return asked.failure(404 if rest else 415)
    return Reply(headers=(("content-type", picture[0]),), body=picture[1])


def page(kind: str, body: bytes) -> Route:
    """A path that always answers the same."""
    return lambda asked, rest: Reply(headers=(("content-type", kind),), body=body)


def websocket(asked: Asked, rest: list[str]) -> Reply:
    """`/websocket/echo`."""
    if rest != ["echo"] or asked.call.header("upgrade").lower() != "websocket":
        return asked.failure(400, "not a websocket handshake request")
    return Reply(conversation=_echo)


async def _echo(socket: web.WebSocketResponse) -> None:
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
