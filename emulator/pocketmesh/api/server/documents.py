"""What the server says of itself on paths that are no resources: discovery, OpenAPI, version, health."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Final

import orjson
from aiohttp import web
from multidict import CIMultiDict

from pocketmesh import versions
from pocketmesh.api import discovery
from pocketmesh.api.openapi import Library
from pocketmesh.api.server.negotiation import form, ranges
from pocketmesh.objects import Object
from pocketmesh.schema.kinds import Kinds

_GNOSTIC: Final = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
# The `@` of the type that clients ask for is not legal in a media type; Go refuses to read it back.
_GNOSTIC_ANSWERED: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_FOREVER: Final = {"Cache-Control": "public, immutable", "Vary": "Accept"}
_A_YEAR: Final = 365 * 86400
_CHECKS: Final = ("ping", "log", "etcd", "poststarthook/start-apiextensions-informers", "informer-sync")
_HEALTH: Final = frozenset({"/healthz", "/livez", "/readyz"})


def version() -> Object:
    """The answer of `/version`."""
    major, minor, _ = versions.KUBERNETES.split(".")
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "gitVersion": f"v{versions.KUBERNETES}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    }


class Documents:
    """Answers GET on these paths; what costs something to build is kept while the kinds stay."""

    def __init__(self, kinds: Kinds, more: Mapping[str, Callable[[], Object]]) -> None:
        self._kinds = kinds
        self._more = more
        self._library = Library(kinds)
        self._generation = -1
        self._kept: dict[tuple[str, str], bytes] = {}

    def answer(self, request: web.BaseRequest) -> web.Response | None:
        """The response to a path; None when nothing is there. Raises ApiError 406."""
        path = request.path.rstrip("/") or "/"
        if path in _HEALTH or (path.rpartition("/")[0] in _HEALTH):
            return _health(path, "verbose" in request.query)
        if path == "/openapi/v2":
            return self._openapi_v2(request)
        if path.startswith("/openapi/v3"):
            return self._openapi_v3(path.removeprefix("/openapi/v3").strip("/"), request)
        if path == "/metrics":
            return web.Response(text=self._metrics())
        if path in ("/api", "/apis"):
            return self._aggregated(path, request)
        found = self._found(path, request.host)
        return None if found is None else _json(orjson.dumps(found))

    def _found(self, path: str, host: str) -> Object | None:
        if path in self._more:
            return self._more[path]()
        match path.split("/")[1:]:
            case [""]:
                return {"paths": sorted(["/api", "/apis", "/metrics", "/version", *_HEALTH, *self._more])}
            case ["version"]:
                return version()
            case ["api", name]:
                return discovery.api_resource_list(self._kinds, "", name)
            case ["apis", group]:
                return discovery.api_group(self._kinds, group)
            case ["apis", group, name]:
                return discovery.api_resource_list(self._kinds, group, name)
        return None

    def _aggregated(self, path: str, request: web.BaseRequest) -> web.Response:
        asked = form(request.headers.get("Accept", ""), discovery=True)
        if self._generation != self._kinds.generation:
            self._generation = self._kinds.generation
            self._kept.clear()
        place = (path, asked.version if asked.kind else request.host)
        if place not in self._kept:
            if asked.kind:
                found = discovery.aggregated(self._kinds, core=path == "/api", version=asked.version)
            elif path == "/api":
                found = discovery.api_versions(request.host)
            else:
                found = discovery.api_group_list(self._kinds)
            self._kept[place] = orjson.dumps(found)
        content_type = "application/json"
        if asked.kind:
            content_type += f";g=apidiscovery.k8s.io;v={asked.version};as={asked.kind}"
        return _answer(self._kept[place], content_type, {"Vary": "Accept"})

    def _openapi_v2(self, request: web.BaseRequest) -> web.Response:
        wanted = [found.media_type for found in ranges(request.headers.get("Accept", ""))]
        if _GNOSTIC in wanted:
            return _tagged(request, *self._library.gnostic(), _GNOSTIC_ANSWERED)
        return _json(self._library.swagger())

    def _openapi_v3(self, place: str, request: web.BaseRequest) -> web.Response | None:
        if not place:
            return _tagged(request, *self._library.index())
        found = self._library.group_version(place)
        if found is None:
            return None
        answer = _tagged(request, *found)
        if "hash" in request.query:
            # Go's HTTP caches keep what is `immutable` only until it expires (kube-openapi pkg/handler3).
            answer.headers.update(_FOREVER | {"Expires": formatdate(time.time() + _A_YEAR, usegmt=True)})
        return answer

    def _metrics(self) -> str:
        labels = f'major="1",git_version="v{versions.KUBERNETES}"'
        return (
            "# HELP kubernetes_build_info The version that this server speaks for.\n"
            "# TYPE kubernetes_build_info gauge\n"
            f"kubernetes_build_info{{{labels}}} 1\n"
            "# HELP apiextensions_apiserver_served_kinds Kinds in all their versions.\n"
            "# TYPE apiextensions_apiserver_served_kinds gauge\n"
            f"apiextensions_apiserver_served_kinds {len(self._kinds.all())}\n"
        )


def _health(path: str, verbose: bool) -> web.Response:
    name = path.split("/")[1]
    if not verbose:
        return web.Response(text="ok")
    lines = [f"[+]{check} ok" for check in _CHECKS]
    return web.Response(text="\n".join([*lines, f"{name} check passed", ""]))


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def _tagged(
    request: web.BaseRequest, body: bytes, digest: str, content_type: str = "application/json"
) -> web.Response:
    """The body, or that it is still what the client has."""
    headers = {"ETag": f'"{digest}"'}
    if any(tag.value == digest for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return _answer(body, content_type, headers)


def _answer(body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=body, headers=CIMultiDict({**(headers or {}), "Content-Type": content_type}))
