"""Answers: objects, lists and refusals as HTTP responses, in the form that the client asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson
from aiohttp import web

from pocketmesh.api.paging import Page
from pocketmesh.api.server.call import Call
from pocketmesh.api.server.negotiation import Form
from pocketmesh.api.server.targets import is_set
from pocketmesh.api.table import Include, metadata_only, table
from pocketmesh.objects import Object
from pocketmesh.schema.kinds import Kind
from pocketmesh.store import Key, Stored

_INCLUDES: dict[str, Include] = {"None": "None", "Object": "Object"}


def json(body: bytes, code: int = 200, warnings: Iterable[str] = ()) -> web.Response:
    """A response with a JSON body; warnings go into headers (RFC 7234 section 5.5)."""
    response = web.Response(body=body, status=code, content_type="application/json")
    for warning in warnings:
        escaped = warning.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
        response.headers.add("Warning", f'299 - "{escaped}"')
    return response


def for_people(request: web.BaseRequest, response: web.StreamResponse) -> web.StreamResponse:
    """JSON is indented for those who say so, and for curl and browsers.

    Source: k8s.io/apiserver/pkg/endpoints/handlers/negotiation/negotiate.go (isPrettyPrint).
    """
    asked = request.query.get("pretty", "")
    agent = request.headers.get("User-Agent", "")
    wanted = is_set(request.query, "pretty") if asked else agent.startswith(("curl", "Wget", "Mozilla/5.0"))
    if wanted and isinstance(response, web.Response) and response.content_type == "application/json":
        assert isinstance(response.body, bytes)
        response.body = orjson.dumps(orjson.loads(response.body), option=orjson.OPT_INDENT_2)
    return response


def status(found: Object) -> web.Response:
    """A `Status` object with its own code."""
    response = json(orjson.dumps(found), found.get("code", 200))
    if retry := (found.get("details") or {}).get("retryAfterSeconds"):
        response.headers["Retry-After"] = str(retry)
    return response


def one(
    call: Call, obj: Object, body: bytes | None = None, code: int = 200, warnings: Iterable[str] = ()
) -> web.Response:
    """One object; `body` is its JSON where it is at hand. Raises ApiError 406."""
    if (asked := call.form).kind and obj.get("kind") == call.kind.kind:
        revision = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        return json(transformed(call, asked, [_row(call.kind, obj, body)], revision), code, warnings)
    return json(body or orjson.dumps(obj), code, warnings)


def many(call: Call, page: Page) -> web.Response:
    """A list. Raises ApiError 406."""
    if (asked := call.form).kind:
        return json(transformed(call, asked, page.items, page.metadata()))
    head = {"kind": call.kind.list_kind, "apiVersion": call.kind.api_version, "metadata": page.metadata()}
    return json(b"".join((orjson.dumps(head)[:-1], b',"items":[', *_items(call.kind, page), b"]}")))


def _items(kind: Kind, page: Page) -> Iterator[bytes]:
    """The bytes between the brackets, from those that the store keeps.

    Items of a built-in list do not repeat its apiVersion and kind, those of a custom one do: client-go's
    typed objects differ from those of its watches otherwise.
    """
    head = b"{" if kind.crd else orjson.dumps({"apiVersion": kind.api_version, "kind": kind.kind})[:-1] + b","
    opening = b"{"
    for item in page.items:
        yield opening
        yield item.body[len(head) if item.body.startswith(head) else 1 :]
        opening = b",{"


def transformed(
    call: Call, asked: Form, rows: list[Stored], metadata: Object, *, headed: bool = True
) -> bytes:
    """Objects as a table or as metadata."""
    match asked.kind:
        case "Table":
            include = _INCLUDES.get(call.query.get("includeObject", ""), "Metadata")
            found = table(
                call.kind,
                rows,
                metadata,
                include=include,
                now=call.registry.clock.now(),
                headed=headed and not is_set(call.query, "noHeaders"),
                version=asked.api_version,
            )
        case "PartialObjectMetadata":
            found = metadata_only(rows[0].object, asked.api_version)
        case _:
            items = [metadata_only(row.object, asked.api_version) for row in rows]
            found = {
                "kind": asked.kind,
                "apiVersion": asked.api_version,
                "metadata": metadata,
                "items": items,
            }
    return orjson.dumps(found)


def _row(kind: Kind, obj: Object, body: bytes | None) -> Stored:
    metadata = obj["metadata"]
    key = Key(kind.resource, metadata.get("namespace", ""), metadata.get("name", ""))
    return Stored(key, 0, obj, body or orjson.dumps(obj))
