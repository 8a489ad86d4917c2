"""What each path of httpbin answers. Pure, but for chance and the clock."""

from __future__ import annotations

import random
import uuid
from typing import Final

import orjson

from pocketmesh.node.apps.httpbin import samples
from pocketmesh.node.apps.httpbin.bodies import (
    based64,
    drip,
    image,
    letters,
    packed,
    page,
    random_bytes,
    stream,
    websocket,
)
from pocketmesh.node.apps.httpbin.credentials import BASIC, basic_auth, bearer, cookies
from pocketmesh.node.apps.httpbin.request import TEXT, Asked, Route
from pocketmesh.node.apps.httpbin.wishes import duration, number
from pocketmesh.node.commands.web import Fields, Reply

_METHODS: Final = ("get", "post", "put", "patch", "delete", "head")
_STATUS: Final[dict[int, Fields]] = {
    **dict.fromkeys((301, 302, 303, 305, 307), (("location", "/redirect/1"),)),
    308: (("location", "/image/jpeg"),),
    401: (("www-authenticate", BASIC),),
    407: (("proxy-authenticate", BASIC),),
}


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


def _anything(asked: Asked, rest: list[str]) -> Reply:
    return asked.json(asked.described("body", "method"))


def _delay(asked: Asked, rest: list[str]) -> Reply:
    duration(rest[0])
    return asked.json(asked.described("body"))


def _status(asked: Asked, rest: list[str]) -> Reply:
    choices = [entry.partition(":") for entry in rest[0].split(",")]
    codes = [number(code, 100, 599, "status code") for code, _, _ in choices]
    chosen = random.choices(codes, [float(weight or 1) for _, _, weight in choices])[0]
    body = b"I'm a teapot!" if chosen == 418 else b""
    return Reply(chosen, (TEXT, *_STATUS.get(chosen, ())), body)


def _unstable(asked: Asked, rest: list[str]) -> Reply:
    rate = float(asked.value("failure_rate", "0.5"))
    if not 0 <= rate <= 1:
        raise ValueError(f"invalid failure rate: {rate} not in range [0, 1]")
    return Reply(500 if random.random() < rate else 200, (TEXT,))


def _redirect(asked: Asked, rest: list[str]) -> Reply:
    left = number(rest[0], 1, 1000, "redirect count") - 1
    first = asked.words[0]
    absolute = first == "absolute-redirect" or asked.value("absolute").lower() == "true"
    word = "absolute-redirect" if absolute else "relative-redirect"
    path = f"/{word}/{left}" if left else "/get"
    return Reply(302, (("location", asked.base + path if absolute else path),))


def _redirect_to(asked: Asked, rest: list[str]) -> Reply:
    url = asked.value("url")
    if not url:
        raise ValueError("missing required query parameter: url")
    status = number(asked.value("status_code", "302"), 300, 399, "status code")
    return Reply(status, (("location", url),))


def _response_headers(asked: Asked, rest: list[str]) -> Reply:
    query = asked.call.query
    kind = next((value for name, value in query if name.lower() == "content-type"), "")
    pairs = query if kind else [*query, ("Content-Type", "application/json; charset=utf-8")]
    body = orjson.dumps(asked.values(pairs), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return Reply(headers=tuple(pairs), body=body)


def _cache(asked: Asked, rest: list[str]) -> Reply:
    if rest:
        age = number(rest[0], 0, 2**31, "seconds")
        return asked.json(asked.described(), headers=(("cache-control", f"public, max-age={age}"),))
    if asked.call.header("if-modified-since") or asked.call.header("if-none-match"):
        return Reply(304)
    return asked.json(asked.described(), headers=(("etag", uuid.uuid4().hex),))


def _etag(asked: Asked, rest: list[str]) -> Reply:
    tag = f'"{rest[0]}"'
    if tag in asked.call.header("if-none-match"):
        return Reply(304, (("etag", tag),))
    return asked.json(asked.described(), headers=(("etag", tag),))


_ROUTES: Final[dict[str, Route]] = {
    "": page("text/html; charset=utf-8", samples.INDEX),
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
    "cookies": cookies,
    **dict.fromkeys(("basic-auth", "hidden-basic-auth"), basic_auth),
    "bearer": bearer,
    **dict.fromkeys(("bytes", "stream-bytes"), random_bytes),
    "stream": stream,
    "drip": drip,
    "range": letters,
    **dict.fromkeys(("gzip", "deflate"), packed),
    "cache": _cache,
    "etag": _etag,
    "base64": based64,
    "image": image,
    "uuid": lambda asked, rest: asked.json({"uuid": str(uuid.uuid4())}),
    "json": page("application/json; charset=utf-8", samples.JSON),
    "xml": page("application/xml", samples.XML),
    "html": page("text/html; charset=utf-8", samples.HTML),
    "robots.txt": page("text/plain; charset=utf-8", b"User-agent: *\nDisallow: /deny\n"),
    "deny": page("text/plain; charset=utf-8", b"Robots should not come here.\n"),
    "websocket": websocket,
}
