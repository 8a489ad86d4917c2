"""What each path of httpbin answers. Pure, but for chance and the clock."""

from __future__ import annotations

import base64
import gzip
import random
import uuid
import zlib
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any, Final

import orjson
from aiohttp import WSMsgType, web

from pocketmesh.node.apps.httpbin import samples
from pocketmesh.node.apps.httpbin.request import Asked
from pocketmesh.node.commands.durations import seconds
from pocketmesh.node.commands.web import Fields, Reply

LARGEST: Final = 1024 * 1024
LONGEST: Final = 10.0
_TEXT: Final = ("content-type", "text/plain; charset=utf-8")
_BASIC: Final = 'Basic realm="Fake Realm"'
_METHODS: Final = ("get", "post", "put", "patch", "delete", "head")
_STATUS: Final[dict[int, Fields]] = {
    **dict.fromkeys((301, 302, 303, 305, 307), (("location", "/redirect/1"),)),
    308: (("location", "/image/jpeg"),),
    401: (("www-authenticate", _BASIC),),
    407: (("proxy-authenticate", _BASIC),),
}
Route = Callable[[Asked, list[str]], Reply]
"""Answers a request; the second argument is the path behind the route's own word.

Raises ValueError about a word that makes no sense, IndexError when a word is missing.
"""


def answer(asked: Asked) -> Reply:
    """The answer to a request."""
    call, (first, *rest) = asked.call, asked.words
    origin = call.header("origin") or "*"
    allowed = (("access-control-allow-origin", origin), ("access-control-allow-credentials", "true"))
    if call.method == "OPTIONS":
        methods = "GET, POST, HEAD, PUT, DELETE, PATCH, OPTIONS"
        return Reply(headers=(*allowed, ("access-control-allow-methods", methods)))
    reply = _routed(asked, first, rest)
    return Reply(reply.status, (*reply.headers, *allowed), reply.body, conversation=reply.conversation)


def _routed(asked: Asked, first: str, rest: list[str]) -> Reply:
    method, route = asked.call.method, _ROUTES.get(first)
    try:
        if first in _METHODS and not rest:
            if method.lower() not in (first, "head" if first == "get" else first):
                return asked.failure(405)
            return asked.json(asked.described("body") if first not in ("get", "head") else asked.described())
        return route(asked, rest) if route is not None else asked.failure(404)
    except IndexError:
        return asked.failure(404)
    except ValueError as wrong:
        return asked.failure(400, str(wrong))


def pause(asked: Asked) -> float:
    """For how many seconds a request wants its answer to be held back; wrong wishes are for `answer`."""
    first, *rest = asked.words
    try:
        match first:
            case "delay":
                return duration(rest[0])
            case "drip":
                return sum(duration(asked.value(name, "2s")) for name in ("delay", "duration"))
            case _:
                return 0.0
    except (ValueError, IndexError):
        return 0.0


def duration(text: str) -> float:
    """Seconds, or a duration as Go writes it. Raises ValueError."""
    try:
        found = float(text)
    except ValueError:
        found = seconds(text)
    if not 0 <= found <= LONGEST:
        raise ValueError(f"invalid duration: {text} is not between 0 and {LONGEST:.0f}s")
    return found


def _number(text: str, low: int, high: int, what: str) -> int:
    if not text.lstrip("-").isdecimal():
        raise ValueError(f"invalid {what}: {text!r}")
    if not low <= int(text) <= high:
        raise ValueError(f"invalid {what}: {text} not in range [{low}, {high}]")
    return int(text)


def _anything(asked: Asked, rest: list[str]) -> Reply:
    return asked.json(asked.described("body", "method"))


def _delay(asked: Asked, rest: list[str]) -> Reply:
    duration(rest[0])
    return asked.json(asked.described("body"))


def _status(asked: Asked, rest: list[str]) -> Reply:
    choices = [entry.partition(":") for entry in rest[0].split(",")]
    codes = [_number(code, 100, 599, "status code") for code, _, _ in choices]
    chosen = random.choices(codes, [float(weight or 1) for _, _, weight in choices])[0]
    body = b"I'm a teapot!" if chosen == 418 else b""
    return Reply(chosen, (_TEXT, *_STATUS.get(chosen, ())), body)


def _unstable(asked: Asked, rest: list[str]) -> Reply:
    rate = float(asked.value("failure_rate", "0.5"))
    if not 0 <= rate <= 1:
        raise ValueError(f"invalid failure rate: {rate} not in range [0, 1]")
    return Reply(500 if random.random() < rate else 200, (_TEXT,))


def _redirect(asked: Asked, rest: list[str]) -> Reply:
    left = _number(rest[0], 1, 1000, "redirect count") - 1
    first = asked.words[0]
    absolute = first == "absolute-redirect" or asked.value("absolute").lower() == "true"
    word = "absolute-redirect" if absolute else "relative-redirect"
    path = f"/{word}/{left}" if left else "/get"
    return Reply(302, (("location", asked.base + path if absolute else path),))


def _redirect_to(asked: Asked, rest: list[str]) -> Reply:
    url = asked.value("url")
    if not url:
        raise ValueError("missing required query parameter: url")
    status = _number(asked.value("status_code", "302"), 300, 399, "status code")
    return Reply(status, (("location", url),))


def _response_headers(asked: Asked, rest: list[str]) -> Reply:
    query = asked.call.query
    kind = next((value for name, value in query if name.lower() == "content-type"), "")
    pairs = query if kind else [*query, ("Content-Type", "application/json; charset=utf-8")]
    body = orjson.dumps(asked.values(pairs), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return Reply(headers=tuple(pairs), body=body)


def _cookies(asked: Asked, rest: list[str]) -> Reply:
    if rest and rest[0] in ("set", "delete"):
        end = "; HttpOnly" if rest[0] == "set" else "; Max-Age=0; HttpOnly"
        pairs = asked.call.query or [(rest[1], rest[2])]
        found = tuple(("set-cookie", f"{name}={value}{end}") for name, value in pairs)
        return Reply(302, (("location", "/cookies"), *found))
    given = SimpleCookie(asked.call.header("cookie"))
    cookies = {name: morsel.value for name, morsel in given.items()}
    return asked.json(cookies if asked.go else {"cookies": cookies})


def _basic_auth(asked: Asked, rest: list[str]) -> Reply:
    user, password = rest[0], rest[1]
    scheme, _, credentials = asked.call.header("authorization").partition(" ")
    given = base64.b64decode(credentials or "").decode(errors="replace") if scheme == "Basic" else ""
    right = given == f"{user}:{password}"
    if not right and asked.words[0].startswith("hidden"):
        return asked.failure(404)
    asks: Fields = () if right else (("www-authenticate", _BASIC),)
    if not asked.go:
        said: dict[str, Any] = {"authenticated": True, "user": user}
        return asked.json(said) if right else Reply(401, asks)
    said = {"authenticated": right, "user": given.partition(":")[0], "authorized": right}
    return asked.json(said, 200 if right else 401, asks)


def _bearer(asked: Asked, rest: list[str]) -> Reply:
    given = asked.call.header("authorization").split()
    if len(given) != 2 or given[0] != "Bearer":
        return asked.failure(401, headers=(("www-authenticate", "Bearer"),))
    return asked.json({"authenticated": True, "token": given[1]})


def _bytes(asked: Asked, rest: list[str]) -> Reply:
    size, seed = _number(rest[0], 0, LARGEST, "byte count"), asked.value("seed")
    chance = random.Random(int(seed) if seed else None)
    return Reply(headers=(("content-type", "application/octet-stream"),), body=chance.randbytes(size))


def _stream(asked: Asked, rest: list[str]) -> Reply:
    count = min(max(_number(rest[0], -(10**9), 10**9, "count"), 1), 100)
    said = asked.described()
    lines = [orjson.dumps({"id": number, **said}) + b"\n" for number in range(count)]
    return Reply(headers=(("content-type", "application/json"),), body=b"".join(lines))


def _drip(asked: Asked, rest: list[str]) -> Reply:
    size = _number(asked.value("numbytes", "10"), 1, LARGEST, "numbytes")
    status = _number(asked.value("code", "200"), 100, 599, "status code")
    if sum(duration(asked.value(name, "2s")) for name in ("delay", "duration")) > LONGEST:
        raise ValueError("too much time")
    return Reply(status, (_TEXT,), b"*" * size)


def _range(asked: Asked, rest: list[str]) -> Reply:
    size = _number(rest[0], 1, LARGEST, "count")
    return Reply(headers=(_TEXT, ("etag", f"range{size}")), body=bytes(97 + at % 26 for at in range(size)))


def _packed(asked: Asked, rest: list[str]) -> Reply:
    name = asked.words[0]
    reply = asked.json({**asked.described(), "gzipped" if name == "gzip" else "deflated": True})
    body = gzip.compress(reply.body) if name == "gzip" else zlib.compress(reply.body)
    return Reply(headers=(*reply.headers, ("content-encoding", name)), body=body)


def _cache(asked: Asked, rest: list[str]) -> Reply:
    if rest:
        age = _number(rest[0], 0, 2**31, "seconds")
        return asked.json(asked.described(), headers=(("cache-control", f"public, max-age={age}"),))
    if asked.call.header("if-modified-since") or asked.call.header("if-none-match"):
        return Reply(304)
    return asked.json(asked.described(), headers=(("etag", uuid.uuid4().hex),))


def _etag(asked: Asked, rest: list[str]) -> Reply:
    tag = f'"{rest[0]}"'
    if tag in asked.call.header("if-none-match"):
        return Reply(304, (("etag", tag),))
    return asked.json(asked.described(), headers=(("etag", tag),))


def _base64(asked: Asked, rest: list[str]) -> Reply:
    operation, data = rest if len(rest) == 2 else ("decode", rest[0])
    code = base64.urlsafe_b64encode if operation == "encode" else base64.urlsafe_b64decode
    return Reply(headers=(_TEXT,), body=code(data.encode()))


def _image(asked: Asked, rest: list[str]) -> Reply:
    accept = asked.call.header("accept")
    kind = rest[0] if rest else "svg" if "image/svg" in accept else "png"
    picture = samples.PICTURES.get(kind)
    if picture is None:
        return asked.failure(404 if rest else 415)
    return Reply(headers=(("content-type", picture[0]),), body=picture[1])


def _page(kind: str, body: bytes) -> Route:
    return lambda asked, rest: Reply(headers=(("content-type", kind),), body=body)


def _websocket(asked: Asked, rest: list[str]) -> Reply:
    if rest != ["echo"] or asked.call.header("upgrade").lower() != "websocket":
        return asked.failure(400, "not a websocket handshake request")
    return Reply(conversation=_echo)


async def _echo(socket: web.WebSocketResponse) -> None:
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)


_ROUTES: Final[dict[str, Route]] = {
    "": _page("text/html; charset=utf-8", samples.INDEX),
    "anything": _anything,
    "ip": lambda asked, rest: asked.json({"origin": asked.origin}),
    "user-agent": lambda asked, rest: asked.json({"user-agent": asked.call.header("user-agent")}),
    "headers": lambda asked, rest: asked.json({"headers": asked.headers}),
    "hostname": lambda asked, rest: asked.json({"hostname": "go-httpbin"}),
    "status": _status,
    "unstable": _unstable,
    "delay": _delay,
    **dict.fromkeys(("redirect", "relative-redirect", "absolute-redirect"), _redirect),
    "redirect-to": _redirect_to,
    "response-headers": _response_headers,
    "cookies": _cookies,
    **dict.fromkeys(("basic-auth", "hidden-basic-auth"), _basic_auth),
    "bearer": _bearer,
    **dict.fromkeys(("bytes", "stream-bytes"), _bytes),
    "stream": _stream,
    "drip": _drip,
    "range": _range,
    **dict.fromkeys(("gzip", "deflate"), _packed),
    "cache": _cache,
    "etag": _etag,
    "base64": _base64,
    "image": _image,
    "uuid": lambda asked, rest: asked.json({"uuid": str(uuid.uuid4())}),
    "json": _page("application/json; charset=utf-8", samples.JSON),
    "xml": _page("application/xml", samples.XML),
    "html": _page("text/html; charset=utf-8", samples.HTML),
    "robots.txt": _page("text/plain; charset=utf-8", b"User-agent: *\nDisallow: /deny\n"),
    "deny": _page("text/plain; charset=utf-8", b"Robots should not come here.\n"),
    "websocket": _websocket,
}
