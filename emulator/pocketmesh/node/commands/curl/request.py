"""From curl's options to libcurl's: what one request says. Touches no file and no network by itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import quote_plus

import pycurl

from pocketmesh.node.commands.curl.connections import Failed
from pocketmesh.node.commands.curl.options import Options
from pocketmesh.node.process import BUNDLE

READ_ERROR: Final = 26
_METHOD_KEPT: Final = (307, 308)

ReadFile = Callable[[str], bytes]
"""Reads a file of the container, or standard input for "-". Raises FileNotFoundError."""


@dataclass
class Request:
    """One request of a chain of redirects."""

    url: str
    method: str
    body: bytes | None
    headers: list[str] = field(default_factory=list)


def first_request(options: Options, url: str, read: ReadFile) -> Request:
    """What is sent first. Raises Failed when a file of -d cannot be read."""
    body, headers = _body(options, read), list(options.all("header"))
    json = any(name == "json" for name, _ in options.data)
    if json:
        given = {header.partition(":")[0].strip().lower() for header in headers}
        headers += [
            f"{name}: application/json" for name in ("Content-Type", "Accept") if name.lower() not in given
        ]
    if options.all("oauth2-bearer"):
        headers.append(f"Authorization: Bearer {options.last('oauth2-bearer')}")
    if options.on("get") and body is not None:
        url += ("&" if "?" in url else "?") + body.decode(errors="replace")
        body = None
    method = options.last("request") or ("HEAD" if options.on("head") else "GET" if body is None else "POST")
    return Request(url, method, body, headers)


def redirected(request: Request, status: int, url: str, *, fixed_method: str) -> Request:
    """What is sent after a redirect: 307 and 308 keep method and body, a 303 and a POST become GET."""
    method, body = request.method, request.body
    if status not in _METHOD_KEPT and (status == 303 or method == "POST") and method != "HEAD":
        method, body = fixed_method or "GET", None
    return Request(url, method, body, request.headers)


def _body(options: Options, read: ReadFile) -> bytes | None:
    parts = []
    for name, argument in options.data:
        try:
            parts.append(_part(name, argument, read))
        except FileNotFoundError as missing:
            raise Failed(READ_ERROR, f"Failed to open {missing}") from None
    if not parts:
        return None
    return (b"" if options.data[0][0] == "json" else b"&").join(parts)


def _part(name: str, argument: str, read: ReadFile) -> bytes:
    if name == "data-urlencode":
        label, equals, text = argument.partition("=")
        if not equals:
            label, _, text = "", "", argument
        encoded = quote_plus(text).replace("+", "%20")
        return (f"{label}={encoded}" if label else encoded).encode()
    if name != "data-raw" and argument.startswith("@"):
        content = read(argument[1:])
        return content if name in ("data-binary", "json") else content.replace(b"\r", b"").replace(b"\n", b"")
    return argument.encode()


def set_up(handle: Any, options: Options, request: Request, read: ReadFile, trusted: str = BUNDLE) -> None:
    """Tells libcurl about a request; everything that could reach the host is switched off. `trusted` is the
    file of the certificates that are trusted when no option names one."""
    handle.reset()
    settings: dict[int, Any] = {
        pycurl.URL: request.url,
        pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
        pycurl.PROXY: "",
        pycurl.NOSIGNAL: 1,
        pycurl.USERAGENT: options.last("user-agent", f"curl/{version()}"),
        pycurl.HTTPHEADER: _headers(request.headers),
        pycurl.PATH_AS_IS: int(options.on("path-as-is")),
        pycurl.HTTP_VERSION: _http_version(options),
        pycurl.COOKIEFILE: "",
        pycurl.FAILONERROR: int(options.on("fail")),
    }
    if request.body is not None:
        settings[pycurl.POSTFIELDS] = request.body
    if request.method == "HEAD":
        settings[pycurl.NOBODY] = 1
    elif request.method != ("GET" if request.body is None else "POST"):
        settings[pycurl.CUSTOMREQUEST] = request.method
    for name, option in (("referer", pycurl.REFERER), ("range", pycurl.RANGE), ("cookie", pycurl.COOKIE)):
        if options.all(name):
            settings[option] = options.last(name)
    if options.all("user"):
        settings[pycurl.USERPWD] = options.last("user")
    if options.on("compressed"):
        settings[pycurl.ACCEPT_ENCODING] = ""
    for option, value in settings.items():
        handle.setopt(option, value)
    _set_up_tls(handle, options, request.url, read, trusted)


def _set_up_tls(handle: Any, options: Options, url: str, read: ReadFile, trusted: str) -> None:
    if options.on("insecure"):
        handle.setopt(pycurl.SSL_VERIFYPEER, 0)
        handle.setopt(pycurl.SSL_VERIFYHOST, 0)
    elif url.lower().startswith("https:") and not options.all("cacert"):
        with suppress(FileNotFoundError):
            handle.setopt(pycurl.CAINFO_BLOB, read(trusted))
    for name, option, code in (
        ("cacert", pycurl.CAINFO_BLOB, 77),
        ("cert", pycurl.SSLCERT_BLOB, 58),
        ("key", pycurl.SSLKEY_BLOB, 58),
    ):
        if options.all(name):
            try:
                handle.setopt(option, read(options.last(name)))
            except FileNotFoundError as missing:
                raise Failed(code, f"error setting certificate file: {missing}") from None


def _headers(given: list[str]) -> list[str]:
    """-H as libcurl wants it; curl's `Name;` means a header without value, as it does there."""
    return [header for header in given if header.strip()]


def _http_version(options: Options) -> int:
    for name, value in (
        ("http1.0", pycurl.CURL_HTTP_VERSION_1_0),
        ("http1.1", pycurl.CURL_HTTP_VERSION_1_1),
        ("http2-prior-knowledge", pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE),
        ("http2", pycurl.CURL_HTTP_VERSION_2_0),
    ):
        if options.on(name):
            return int(value)
    return int(pycurl.CURL_HTTP_VERSION_NONE)


@cache
def version() -> str:
    """libcurl's version, which is curl's."""
    return str(pycurl.version_info()[1])
