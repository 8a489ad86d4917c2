"""Kubernetes' URL library: what Go's `net/url` accepts and how it takes it apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from pocketmesh.schema.cel.errors import EvaluationError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\x00-\x20\x7f%/?#\\^`{|}\[\]:]*)(:\d*)?")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def parse(text: str) -> dict[str, str]:
    """The parts `scheme`, `host`, `path` and `query` of an absolute URL or an absolute path.

    Raises ValueError in the words of Go's `url.ParseRequestURI`, which the library uses to judge.
    """
    if _CONTROL.search(text):
        raise ValueError("net/url: invalid control character in URL")
    if not text:
        raise ValueError("empty url")
    if text.startswith(":"):
        raise ValueError("missing protocol scheme")
    found = _SCHEME.fullmatch(text.partition("#")[0])
    scheme, rest = (found[1].lower(), found[2]) if found else ("", text.partition("#")[0])
    path, _, query = rest.partition("?")
    host = ""
    if not path.startswith("/"):
        if not scheme:
            raise ValueError("invalid URI for request")
        return {"scheme": scheme, "host": "", "path": "", "query": query}
    if path.startswith("//") and (scheme or not path.startswith("///")):
        authority, slash, after = path[2:].partition("/")
        host, path = authority.rpartition("@")[2], slash + after
        if not _HOST.fullmatch(host):
            raise ValueError(_host_fault(host))
    if broken := _BROKEN_ESCAPE.search(path):
        raise ValueError(f'invalid URL escape "{path[broken.start() : broken.start() + 3]}"')
    return {"scheme": scheme, "host": host, "path": path, "query": query}


def _host_fault(host: str) -> str:
    name, colon, port = host.rpartition(":")
    if colon and not port.isdigit() and not host.endswith("]"):
        return f'invalid port ":{port}" after host'
    wrong = re.search(r"[\x00-\x20\x7f\\^`{|}%]", name or host)
    return f'invalid character "{wrong[0]}" in host name' if wrong else "missing ']' in host"


def _url(text: str) -> dict[str, dict[str, str]]:
    try:
        return {"url": parse(text)}
    except ValueError as error:
        raise EvaluationError(
            f'URL parse error during conversion from string: parse "{text}": {error}'
        ) from error


def _is_url(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _part(name: str) -> Callable[[Any], str]:
    return lambda value: str(value["url"][name])


def _host_and_port(value: Any) -> tuple[str, str]:
    found = re.fullmatch(r"\[?(.*?)\]?(?::(\d*))?", value["url"]["host"])
    return (found[1], found[2] or "") if found else ("", "")


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "getEscapedPath": _part("path"),
    "getHost": _part("host"),
    "getHostname": lambda value: _host_and_port(value)[0],
    "getPort": lambda value: _host_and_port(value)[1],
    "getQuery": lambda value: parse_qs(value["url"]["query"], keep_blank_values=True),
    "getScheme": _part("scheme"),
    "isURL": _is_url,
    "url": _url,
}
