"""reviews: what readers say of a book; from v2 on with the stars that ratings gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pocketmesh.node.apps.bookinfo.wire import PORT, Answer, Fetch, fetching, handed_on, json, number
from pocketmesh.node.commands.serving import Served, serve_http
from pocketmesh.node.commands.web import Call, Reply
from pocketmesh.node.process import Invocation

_TEXTS: Final = (
    ("Reviewer1", "Two pairs of twins, one long day, and not a dull scene in it."),
    ("Reviewer2", "Great fun on stage; whoever looks for depth will find more in his later plays."),
)
_NO_STARS: Final = "Ratings service is currently unavailable"
_READY: Final = (
    "Launching defaultServer (Open Liberty)\n"
    "[AUDIT   ] CWWKE0001I: The server defaultServer has been launched.\n"
    "[AUDIT   ] CWWKF0011I: The defaultServer server is ready to run a smarter planet.\n"
)


async def reviews(invocation: Invocation) -> int:
    """`server run defaultServer`; ENABLE_RATINGS and STAR_COLOR make the versions."""
    env, fetch = invocation.env, fetching(invocation.container)
    await invocation.stdout.write(_READY.encode())

    async def handler(call: Call) -> Reply:
        return await answer(env, fetch, call)

    return await serve_http(invocation, handler, PORT, note=_line)


async def answer(env: Mapping[str, str], fetch: Fetch, call: Call) -> Reply:
    """The answer to a request; `fetch` is used when the version shows stars."""
    if call.path == "/health":
        return json({"status": "Reviews is healthy"})
    if not call.path.startswith("/reviews/"):
        return Reply(404, (("content-type", "text/html"),), b"Error 404: not found\n")
    product = number(call.path.removeprefix("/reviews/"))
    if product is None:
        return Reply(404, (("content-type", "text/html"),), b"Error 404: not found\n")
    found = await _ratings(env, fetch, call, product) if _with_stars(env) else None
    return json(
        {
            "id": str(product),
            "podname": env.get("HOSTNAME", ""),
            "clustername": env.get("CLUSTER_NAME", "null"),
            "reviews": [{"reviewer": who, "text": text, **_rating(env, found, who)} for who, text in _TEXTS],
        }
    )


def _with_stars(env: Mapping[str, str]) -> bool:
    return env.get("ENABLE_RATINGS", "") == "true"


def _color(env: Mapping[str, str]) -> str:
    return env.get("STAR_COLOR") or "black"


async def _ratings(env: Mapping[str, str], fetch: Fetch, call: Call, product: int) -> Answer:
    domain = env.get("SERVICES_DOMAIN", "")
    host = (env.get("RATINGS_HOSTNAME") or "ratings") + (f".{domain}" if domain else "")
    url = f"http://{host}:{env.get('RATINGS_SERVICE_PORT') or PORT}/ratings/{product}"
    limit = 10.0 if _color(env) == "black" else 2.5
    return await fetch(url, (*handed_on(call, "end-user"), ("accept", "application/json")), limit)


def _rating(env: Mapping[str, str], found: Answer | None, who: str) -> dict[str, Any]:
    if found is None:
        return {}
    said = found.json
    stars = (said.get("ratings") or {}).get(who) if isinstance(said, dict) else None
    if stars is None:
        return {"rating": {"error": _NO_STARS}}
    return {"rating": {"stars": stars, "color": _color(env)}}


def _line(served: Served) -> str:
    call, time = served.call, served.time.strftime("%d/%b/%Y:%H:%M:%S %z")
    return f'{call.client} - - [{time}] "{call.method} {call.target} {call.protocol}" {served.reply.status}'
