"""The verbs on resources: each reads its call, asks the registry and renders the answer."""

from __future__ import annotations

import orjson
from aiohttp import web

from pocketmesh.api import errors
from pocketmesh.api.calls import Result, Write
from pocketmesh.api.errors import bad_request
from pocketmesh.api.patch import content
from pocketmesh.api.server import answers, options
from pocketmesh.api.server.bodies import Body
from pocketmesh.api.server.call import Call


async def get(call: Call) -> web.StreamResponse:
    """One object or a subresource of it. Raises ApiError 404, 406."""
    place = call.target
    if place.subresource:
        return answers.one(call, call.registry.get(call.kind, place.namespace, place.name, place.subresource))
    stored = call.registry.read(call.kind, place.namespace, place.name)
    return answers.one(call, stored.object, stored.body)


async def list_(call: Call) -> web.StreamResponse:
    """The objects that are selected, in pages when asked. Raises ApiError 400, 406, 410, 504."""
    query, current = call.query, call.registry.store.revision
    if problems := options.of_list(query):
        raise errors.invalid_options("ListOptions", problems)
    asked, match = call.revision(), query.get("resourceVersionMatch", "")
    if asked and asked > current:
        raise errors.future_revision(asked, current)
    if asked and match == "Exact" and asked != current:
        raise errors.expired(f"The resourceVersion for the provided list is too old: {asked} ({current})")
    page = call.registry.list(
        call.kind,
        call.target.namespace,
        call.selection,
        limit=call.number("limit") or 0,
        token=query.get("continue", ""),
    )
    return answers.many(call, page)


async def create(call: Call) -> web.StreamResponse:
    """A new object, or the answer to a review. Raises ApiError 400, 403, 404, 409, 413, 415, 422."""
    body = await call.body()
    write = call.write(options="CreateOptions")
    warned = _warned(call, body)
    place = call.target

    def perform(write: Write) -> Result:
        return call.registry.create(
            call.kind, place.namespace, body.object, write, subresource=place.subresource, name=place.name
        )

    if place.subresource or "get" not in call.kind.verbs:
        return _written(call, await call.durably(lambda: perform(write)), warned)
    result, cautions = await call.admitted(perform, write)
    return _written(call, result, (*warned, *cautions))


async def update(call: Call) -> web.StreamResponse:
    """An object or a subresource replaced. Raises ApiError 400, 404, 409, 413, 415, 422."""
    body = await call.body()
    write = call.write(options="UpdateOptions")
    warned = _warned(call, body)
    place = call.target
    result, cautions = await call.admitted(
        lambda write: call.registry.update(
            call.kind, place.namespace, place.name, body.object, write, subresource=place.subresource
        ),
        write,
    )
    return _written(call, result, (*warned, *cautions))


async def patch(call: Call) -> web.StreamResponse:
    """An object patched in one of four ways. Raises ApiError 400, 404, 409, 413, 415, 422."""
    body = await call.raw()
    content_type = call.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    write = call.write(options="PatchOptions", patch="apply" if content_type == content.APPLY else "other")
    place = call.target
    result, cautions = await call.admitted(
        lambda write: call.registry.patch(
            call.kind,
            place.namespace,
            place.name,
            content_type,
            body,
            write,
            subresource=place.subresource,
        ),
        write,
    )
    return _written(call, result, cautions)


async def delete(call: Call) -> web.StreamResponse:
    """One object ended or marked. Raises ApiError 400, 403, 404, 409."""
    options, write = await call.deletion()
    place = call.target
    deletion, cautions = await call.admitted(
        lambda write: call.registry.delete(call.kind, place.namespace, place.name, options, write), write
    )
    return answers.one(call, deletion.answer, warnings=(*cautions, *deletion.warnings))


async def delete_collection(call: Call) -> web.StreamResponse:
    """All that is selected, ended. Raises ApiError 400, 403."""
    options, write = await call.deletion()
    selection = call.selection
    page, _ = await call.admitted(
        lambda write: call.registry.delete_collection(
            call.kind, call.target.namespace, selection, options, write
        ),
        write,
    )
    return answers.many(call, page)


def _written(call: Call, result: Result, warned: tuple[str, ...]) -> web.StreamResponse:
    code = 201 if result.created else 200
    warnings = (*warned, *result.warnings)
    return answers.one(call, result.object, orjson.dumps(result.object), code, warnings)


def _warned(call: Call, body: Body) -> tuple[str, ...]:
    """What to say of duplicate fields. Raises ApiError 400 when the client wants them refused."""
    validation = call.query.get("fieldValidation", "")
    if not body.duplicates or validation == "Ignore":
        return ()
    found = tuple(f'duplicate field "{path}"' for path in body.duplicates)
    if validation == "Strict":
        kind = call.kind
        raise bad_request(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
            f"strict decoding error: {', '.join(found)}"
        )
    return found
