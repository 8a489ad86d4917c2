"""The verbs on a pod's containers: logs, exec, attach and port-forward."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from functools import partial

from aiohttp import web

from pocketmesh.api.errors import bad_request
from pocketmesh.api.runtime import LogOptions, PodRuntime
from pocketmesh.api.server.call import Call
from pocketmesh.api.server.targets import is_set
from pocketmesh.api.streams import channels, port_forward, port_forward_channels, remote_command_spdy
from pocketmesh.api.streams.remote_command import Program, wanted
from pocketmesh.clock import parse
from pocketmesh.objects import Object

_PLACES = ("initContainers", "containers", "ephemeralContainers")


def container(pod: Object, asked: str) -> str:
    """The container that is meant. Raises ApiError 400, in kube-apiserver's words.

    Source: kubernetes pkg/registry/core/pod/strategy.go (LogLocation, validateContainer).
    """
    name = pod["metadata"]["name"]
    names: list[list[str]] = [[found["name"] for found in pod["spec"].get(place) or []] for place in _PLACES]
    init, regular, ephemeral = names
    if asked:
        if asked in (*init, *regular, *ephemeral):
            return asked
        raise bad_request(f"container {asked} is not valid for pod {name}")
    if len(regular) == 1:
        return regular[0]
    choices = f"choose one of: [{' '.join(regular)}]"
    if init:
        choices += f" or one of the init containers: [{' '.join(init)}]"
    raise bad_request(f"a container name must be specified for pod {name}, {choices}")


def log_options(call: Call) -> LogOptions:
    """What the query wants of the log. Raises ApiError 400."""
    query = call.query
    since = None
    if (seconds := call.number("sinceSeconds")) is not None:
        try:
            since = call.registry.clock.now() - timedelta(seconds=seconds)
        except OverflowError as error:
            raise bad_request(f'invalid sinceSeconds: "{seconds}"') from error
    elif text := query.get("sinceTime", ""):
        try:
            since = parse(text)
        except ValueError as error:
            raise bad_request(f'invalid sinceTime: "{text}"') from error
    return LogOptions(
        follow=is_set(query, "follow"),
        previous=is_set(query, "previous"),
        timestamps=is_set(query, "timestamps"),
        since=since,
        tail_lines=call.number("tailLines"),
        limit_bytes=call.number("limitBytes"),
    )


async def log(call: Call, runtime: PodRuntime) -> web.StreamResponse:
    """The log as plain text, as it grows when followed. Raises ApiError 400, 404."""
    pod = _pod(call)
    lines = runtime.logs(*_place(call), container(pod, call.query.get("container", "")), log_options(call))
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(call.request)
    with contextlib.suppress(ConnectionError):
        async for chunk in lines:
            await response.write(chunk)
        await response.write_eof()
    return response


async def execute(call: Call, runtime: PodRuntime) -> web.StreamResponse:
    """A program run in a container. Raises ApiError 400, 403, 404 before the upgrade."""
    argv = call.query.getall("command", [])
    if not argv:
        raise bad_request("you must specify a command for the container")
    program = partial(runtime.exec, *_place(call), _container(call), argv)
    return await _converse(call, program, argv)


async def attach(call: Call, runtime: PodRuntime) -> web.StreamResponse:
    """A container's own program joined. Raises ApiError 400, 403, 404 before the upgrade."""
    return await _converse(call, partial(runtime.attach, *_place(call), _container(call)), [])


async def forward(call: Call, runtime: PodRuntime) -> web.StreamResponse:
    """Connections to a pod's ports. Raises ApiError 400, 403, 404 before the upgrade."""
    pod = _pod(call)
    dial = partial(runtime.dial, *_place(call))
    shown = f"{pod['metadata']['name']}, uid {pod['metadata']['uid']}"
    match _upgrade(call):
        case "spdy/3.1":
            return await port_forward.over_spdy(call.request, dial, shown)
        case "websocket" if port_forward.TUNNEL in channels.offered(call.request):
            return await port_forward.over_websocket(call.request, dial, shown)
        case "websocket":
            return await port_forward_channels.serve(call.request, dial, shown, _ports(call))
        case _:
            raise bad_request("Upgrade request required")


async def _converse(call: Call, program: Program, argv: list[str]) -> web.StreamResponse:
    flags = (is_set(call.query, name) for name in ("stdin", "stdout", "stderr", "tty"))
    want = wanted(*flags)
    match _upgrade(call):
        case "spdy/3.1":
            return await remote_command_spdy.serve(call.request, program, want, argv)
        case "websocket":
            return await channels.serve(call.request, program, want, argv)
        case _:
            raise bad_request("Upgrade request required")


def _ports(call: Call) -> list[int]:
    """The ports in the query: repeated, or separated by commas. Raises ApiError 400 for none of them."""
    words = [word for value in call.query.getall("ports", []) for word in value.split(",")]
    if not words:
        raise bad_request('query parameter "port" is required')
    for word in words:
        if not (word.isascii() and word.isdigit() and 0 < int(word) < 65536):
            raise bad_request(f'unable to parse "{word}" as a port')
    return [int(word) for word in words]


def _upgrade(call: Call) -> str:
    return call.request.headers.get("Upgrade", "").lower()


def _pod(call: Call) -> Object:
    return call.registry.get(call.kind, call.target.namespace, call.target.name)


def _container(call: Call) -> str:
    return container(_pod(call), call.query.get("container", ""))


def _place(call: Call) -> tuple[str, str]:
    return call.target.namespace, call.target.name
