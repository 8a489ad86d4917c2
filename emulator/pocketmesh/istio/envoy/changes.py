"""What a rule changes of a request or of its response: headers, authority, path, or all of it by a redirect.

Upstream: istio/istio pilot/pkg/networking/core/route/route.go.
"""

from __future__ import annotations

import re
from typing import Final

from pocketmesh.istio.envoy.xds import Json
from pocketmesh.istio.mesh.routing import HeaderChanges, Match, PathChange, Redirect, Rewrite

_REDIRECT_CODES: Final = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_AUTHORITY: Final = frozenset({"host", ":authority"})


def header_changes(request: HeaderChanges | None, response: HeaderChanges | None) -> Json:
    """The fields of a route, or of one of its destinations, that change headers."""
    found: Json = {}
    for side, changes in (("request", request), ("response", response)):
        if changes is None:
            continue
        options = [
            *(_header(name, value, "OVERWRITE_IF_EXISTS_OR_ADD") for name, value in changes.set),
            *(_header(name, value, "APPEND_IF_EXISTS_OR_ADD") for name, value in changes.add),
        ]
        if side == "request":
            options = [option for option in options if option["header"]["key"].lower() not in _AUTHORITY]
        if options:
            found[f"{side}_headers_to_add"] = options
        if changes.remove:
            found[f"{side}_headers_to_remove"] = list(changes.remove)
    return found


def new_authority(changes: HeaderChanges | None) -> Json:
    """Setting `Host` is a rewrite of the authority for Envoy."""
    values = [value for name, value in (changes.set if changes else ()) if name.lower() in _AUTHORITY]
    return {"host_rewrite_literal": values[0]} if values else {}


def rewritten(rewrite: Rewrite | None, match: Match) -> Json:
    """The fields of a route's action that change authority and path."""
    if rewrite is None:
        return {}
    found: Json = {"host_rewrite_literal": rewrite.hostname} if rewrite.hostname else {}
    return found if rewrite.path is None else {**found, **_new_path(rewrite.path, match.path)}


def redirect(redirect: Redirect, match: Match, port: int, *, named_port: bool) -> Json:
    """A redirect of requests to a port. A `named_port` is in the location even if it is the scheme's own."""
    found: Json = {"response_code": _REDIRECT_CODES[redirect.code]}
    if redirect.scheme:
        found["scheme_redirect"] = redirect.scheme
    if redirect.hostname:
        found["host_redirect"] = redirect.hostname
    wanted = port if redirect.keep_port else redirect.port
    if wanted and (named_port or _DEFAULT_PORTS.get(redirect.scheme or "http") != wanted):
        found["port_redirect"] = wanted
    if redirect.path is not None:
        if redirect.path.type == "ReplaceFullPath":
            found["path_redirect"] = redirect.path.value
        else:
            found.update(_new_path(redirect.path, match.path))
    return found


def _header(name: str, value: str, action: str) -> Json:
    # Envoy reads a percent sign as the start of a command; doubled it is itself.
    return {"header": {"key": name, "value": value.replace("%", "%%")}, "append_action": action}


def _new_path(change: PathChange, prefix: str) -> Json:
    match change.type:
        case "ReplaceFullPath":
            return _by_pattern("/.*", _literal(change.value))
        case "ReplaceMatch":
            return {"prefix_rewrite": change.value}
        case "ReplacePattern":
            return _by_pattern(change.pattern, change.value)
    old, new = prefix.rstrip("/"), change.value.rstrip("/")
    if old and new:
        return {"prefix_rewrite": new}
    # Without its prefix the path must still begin with exactly one slash.
    return _by_pattern(f"^{re.escape(old)}/?(.*)", f"{_literal(new)}/\\1")


def _by_pattern(pattern: str, substitution: str) -> Json:
    return {"regex_rewrite": {"pattern": {"regex": pattern}, "substitution": substitution}}


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\")
