"""Answers of httpbin about who asks: cookies, basic credentials and tokens."""

from __future__ import annotations

import base64
from http.cookies import SimpleCookie
from typing import Any, Final

from pocketmesh.node.apps.httpbin.request import Asked
from pocketmesh.node.commands.web import Fields, Reply

BASIC: Final = 'Basic realm="Fake Realm"'


def cookies(asked: Asked, rest: list[str]) -> Reply:
    """`/cookies`, and `/cookies/set` and `/cookies/delete`, which lead there."""
    if rest and rest[0] in ("set", "delete"):
        end = "; HttpOnly" if rest[0] == "set" else "; Max-Age=0; HttpOnly"
        pairs = asked.call.query or [(rest[1], rest[2])]
        found = tuple(("set-cookie", f"{name}={value}{end}") for name, value in pairs)
        return Reply(302, (("location", "/cookies"), *found))
    given = SimpleCookie(asked.call.header("cookie"))
    cookies = {name: morsel.value for name, morsel in given.items()}
    return asked.json(cookies if asked.go else {"cookies": cookies})


def basic_auth(asked: Asked, rest: list[str]) -> Reply:
    """`/basic-auth/USER/PASSWORD`; a hidden one does not tell that there is anything."""
    user, password = rest[0], rest[1]
    scheme, _, credentials = asked.call.header("authorization").partition(" ")
    given = base64.b64decode(credentials or "").decode(errors="replace") if scheme == "Basic" else ""
    right = given == f"{user}:{password}"
    if not right and asked.words[0].startswith("hidden"):
        return asked.failure(404)
    asks: Fields = () if right else (("www-authenticate", BASIC),)
    if not asked.go:
        said: dict[str, Any] = {"authenticated": True, "user": user}
        return asked.json(said) if right else Reply(401, asks)
    said = {"authenticated": right, "user": given.partition(":")[0], "authorized": right}
    return asked.json(said, 200 if right else 401, asks)


def bearer(asked: Asked, rest: list[str]) -> Reply:
    """`/bearer`."""
    given = asked.call.header("authorization").split()
    if len(given) != 2 or given[0] != "Bearer":
        return asked.failure(401, headers=(("www-authenticate", "Bearer"),))
    return asked.json({"authenticated": True, "token": given[1]})
