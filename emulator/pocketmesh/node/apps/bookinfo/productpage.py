"""productpage: the page of the one book, made of what details and reviews answer."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

import orjson

from pocketmesh.node.apps.bookinfo import page
from pocketmesh.node.apps.bookinfo.page import Found
from pocketmesh.node.apps.bookinfo.wire import PORT, Fetch, fetching, handed_on, json, number
from pocketmesh.node.commands.serving import Served, serve_http
from pocketmesh.node.commands.web import Call, Fields, Reply
from pocketmesh.node.process import Invocation

_HTML: Final = ("content-type", "text/html; charset=utf-8")
_SECRET: Final = b"bookinfo"
_LIMIT: Final = 3.0
_TRIES: Final = {"details": 1, "reviews": 2, "ratings": 1}
PRODUCT: Final = {
    "id": 0,
    "title": "The Comedy of Errors",
    "descriptionHtml": '<a href="https://en.wikipedia.org/wiki/The_Comedy_of_Errors">Wikipedia Summary</a>: '
    "one of <b>William Shakespeare's</b> first plays and his shortest: two pairs of twins meet, and "
    "everybody takes one for the other.",
}


async def productpage(invocation: Invocation) -> int:
    """`gunicorn productpage:app` on port 9080."""
    lines = ("Starting gunicorn 22.0.0", f"Listening at: http://[::]:{PORT} (1)", "Using worker: gevent")
    await invocation.stderr.write("".join(f"[1] [INFO] {line}\n" for line in lines).encode())
    service = Productpage(invocation.env, fetching(invocation.container))
    return await serve_http(invocation, service.answer, PORT, note=_line)


class Productpage:
    """One running service."""

    def __init__(self, env: Mapping[str, str], fetch: Fetch) -> None:
        self._env = env
        self._fetch = fetch

    async def answer(self, call: Call) -> Reply:
        """The answer to a request."""
        reply = await self._route(call)
        return Reply(reply.status, (*reply.headers, ("server", "gunicorn")), reply.body)

    async def _route(self, call: Call) -> Reply:
        match call.path.strip("/").split("/"):
            case [""] | ["index.html"]:
                return Reply(headers=(_HTML,), body=page.index(self._services()).encode())
            case ["health"]:
                return Reply(headers=(_HTML,), body=b"Product page is healthy")
            case ["login"] if call.method == "POST":
                user = parse_qs(call.body.decode(errors="replace")).get("username", [""])[0]
                return _back(call, session(user))
            case ["logout"]:
                return _back(call, "; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0")
            case ["productpage"]:
                return await self._page(call)
            case ["api", "v1", "products"]:
                return json([PRODUCT])
            case ["api", "v1", "products", product, *rest] if number(product) is not None and len(rest) < 2:
                service = rest[0] if rest else "details"
                if service in ("details", "reviews", "ratings") and rest != ["details"]:
                    found = await self._ask(service, product, _forwarded(call))
                    return json(found.value, found.status)
        return Reply(404, (_HTML,), page.NOT_FOUND.encode())

    async def _page(self, call: Call) -> Reply:
        headers = _forwarded(call)
        details, reviews = await self._ask("details", "0", headers), await self._ask("reviews", "0", headers)
        text = page.product(PRODUCT, details, reviews, user_of(call))
        return Reply(headers=(_HTML,), body=text.encode())

    async def _ask(self, service: str, product: str, headers: Fields) -> Found:
        url = f"{self._services()[service]}/{service}/{product}"
        status = 500
        for _ in range(_TRIES[service]):
            said = await self._fetch(url, headers, _LIMIT)
            if said.status == 200:
                return Found(200, said.json)
            status = said.status or 500
        what = {"details": "product details", "reviews": "product reviews", "ratings": "product ratings"}[
            service
        ]
        return Found(status, {"error": f"Sorry, {what} are currently unavailable for this book."})

    def _services(self) -> dict[str, str]:
        """Where each service is."""
        domain, found = self._env.get("SERVICES_DOMAIN", ""), {}
        for name in ("details", "reviews", "ratings"):
            host = self._env.get(f"{name.upper()}_HOSTNAME") or name
            port = self._env.get(f"{name.upper()}_SERVICE_PORT") or PORT
            found[name] = f"http://{host}{f'.{domain}' if domain else ''}:{port}"
        return found


def session(user: str) -> str:
    """The value of the cookie that says who is logged in."""
    said = base64.urlsafe_b64encode(orjson.dumps({"user": user})).decode().rstrip("=")
    return f"{said}.{_signature(said)}; HttpOnly; Path=/"


def user_of(call: Call) -> str:
    """Who is logged in; empty for nobody."""
    for entry in call.header("cookie").split(";"):
        name, _, value = entry.strip().partition("=")
        said, _, signature = value.partition(".")
        if name == "session" and hmac.compare_digest(signature.encode(), _signature(said).encode()):
            return str(orjson.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))["user"])
    return ""


def _signature(said: str) -> str:
    digest = hmac.new(_SECRET, said.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _forwarded(call: Call) -> Fields:
    """What goes along with the requests made for one: `end-user` is who is logged in."""
    user = user_of(call)
    return (*((("end-user", user),) if user else ()), *handed_on(call))


def _back(call: Call, cookie: str) -> Reply:
    headers = (("location", call.header("referer") or "/productpage"), ("set-cookie", f"session={cookie}"))
    return Reply(302, (*headers, _HTML))


def _line(served: Served) -> str:
    call, time = served.call, served.time.strftime("%d/%b/%Y:%H:%M:%S %z")
    request = f"{call.method} {call.target} {call.protocol}"
    return f'{call.client} - - [{time}] "{request}" {served.reply.status} {len(served.reply.body)}'
