"""details: what is known of a book. It never asks a book service outside: nothing leaves the machine."""

from __future__ import annotations

from pocketmesh.node.apps.bookinfo.wire import PORT, json, number
from pocketmesh.node.commands.serving import Served, serve_http
from pocketmesh.node.commands.web import Call, Reply
from pocketmesh.node.process import Invocation

_SERVER = ("server", "WEBrick/1.8.1 (Ruby/3.3.0)")


async def details(invocation: Invocation) -> int:
    """`ruby details.rb [PORT]`."""
    words = [word for word in invocation.argv[1:] if word.isdecimal()]
    port = int(words[0]) if words else PORT
    await invocation.stderr.write(f"INFO  WEBrick::HTTPServer#start: pid=1 port={port}\n".encode())

    async def handler(call: Call) -> Reply:
        return answer(call)

    return await serve_http(invocation, handler, port, note=_line)


def answer(call: Call) -> Reply:
    """The answer to a request."""
    if call.path == "/health":
        return _said({"status": "Details is healthy"})
    if not call.path.startswith("/details"):
        return Reply(404, (("content-type", "text/html; charset=ISO-8859-1"), _SERVER), b"Not Found\n")
    product = number(call.path.rpartition("/")[2])
    if product is None:
        return _said({"error": "please provide numeric product id"}, 400)
    return _said(
        {
            "id": product,
            "author": "William Shakespeare",
            "year": 1595,
            "type": "paperback",
            "pages": 200,
            "publisher": "PublisherA",
            "language": "English",
            "ISBN-10": "1234567890",
            "ISBN-13": "123-1234567890",
        }
    )


def _said(value: dict[str, object], status: int = 200) -> Reply:
    reply = json(value, status)
    return Reply(reply.status, (*reply.headers, _SERVER), reply.body)


def _line(served: Served) -> str:
    call, time = served.call, served.time.strftime("%d/%b/%Y:%H:%M:%S %Z")
    request = f"{call.method} {call.target} {call.protocol}"
    return f'{call.client} - - [{time}] "{request}" {served.reply.status} {len(served.reply.body)}'
