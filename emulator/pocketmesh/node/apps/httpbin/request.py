"""A request as httpbin tells of it, in the words of either program."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, quote, urlsplit

import orjson

from pocketmesh.node.commands.web import Call, Fields, Reply

TEXT: Final = ("content-type", "text/plain; charset=utf-8")
_CLIENT: Final = ("fly-client-ip", "cf-connecting-ip", "fastly-client-ip", "true-client-ip")
_HTML: Final = "<!DOCTYPE HTML>\n<title>{code} {text}</title>\n<h1>{text}</h1>\n"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and which program it was made to."""

    call: Call
    go: bool = True

    @property
    def words(self) -> list[str]:
        """The path, word for word."""
        return self.call.path.strip("/").split("/")

    def value(self, name: str, default: str = "") -> str:
        """A parameter of the query; the first when it was given more than once."""
        return next((value for key, value in self.call.query if key == name), default)

    def values(self, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """Names with their values: always lists in Go, lists of more than one in Python."""
        found: dict[str, list[str]] = {}
        for name, value in pairs:
            found.setdefault(name, []).append(value)
        if self.go:
            return {name: found[name] for name in sorted(found)}
        return {name: values if len(values) > 1 else values[0] for name, values in sorted(found.items())}

    @property
    def headers(self) -> dict[str, Any]:
        """The headers, `Host` among them."""
        call = self.call
        pairs = [(_canonical(name), value) for name, value in call.headers if name != "host"]
        if self.go:
            return self.values([*pairs, ("Host", call.authority)])
        joined: dict[str, str] = {}
        for name, value in [*pairs, ("Host", call.authority)]:
            joined[name] = f"{joined[name]},{value}" if name in joined else value
        return dict(sorted(joined.items()))

    @property
    def origin(self) -> str:
        """Whom the request came from."""
        call = self.call
        if not self.go:
            return call.header("x-forwarded-for") or call.client
        told = next(filter(None, map(call.header, _CLIENT)), "")
        return told or call.header("x-forwarded-for").partition(",")[0].strip() or call.client

    @property
    def base(self) -> str:
        """The URL up to the path."""
        call = self.call
        scheme = call.header("x-forwarded-proto") or ("https" if call.alpn else "http")
        return f"{scheme}://{call.authority}"

    def described(self, *names: str) -> dict[str, Any]:
        """What `/get` says, and of what else it can say what is named."""
        call = self.call
        said: dict[str, Any] = {
            "args": self.values(call.query),
            "headers": self.headers,
            "method": call.method,
            "origin": self.origin,
            "url": self.base
            + quote(call.path)
            + (f"?{query}" if (query := urlsplit(call.target).query) else ""),
        }
        if not self.go and "method" not in names:
            del said["method"]
        return {**said, **self._body()} if "body" in names else said

    def _body(self) -> dict[str, Any]:
        """Raises ValueError when a body is not of the type that it says it is."""
        body, kind = self.call.body, self.call.header("content-type").partition(";")[0].strip()
        text = body.decode(errors="replace")
        said: dict[str, Any] = {"data": text, "files": {}, "form": {}, "json": None}
        if not body:
            return said
        if kind == "application/x-www-form-urlencoded":
            said["form"] = self.values(parse_qsl(text, keep_blank_values=True))
            said["data"] = text if self.go else ""
        elif kind == "application/json":
            said["json"] = orjson.loads(body)
        elif self.go and kind not in ("text/plain", "text/html"):
            kind = kind or "application/octet-stream"
            said["data"] = f"data:{kind};base64,{base64.urlsafe_b64encode(body).decode()}"
        return said

    def json(self, value: Any, status: int = 200, headers: Fields = ()) -> Reply:
        """An answer in JSON."""
        options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | (0 if self.go else orjson.OPT_SORT_KEYS)
        kind = "application/json; charset=utf-8" if self.go else "application/json"
        return Reply(status, (("content-type", kind), *headers), orjson.dumps(value, option=options))

    def failure(self, status: int, detail: str = "", headers: Fields = ()) -> Reply:
        """An answer that says what is wrong."""
        text = HTTPStatus(status).phrase
        if not self.go:
            page = _HTML.format(code=status, text=text).encode()
            return Reply(status, (("content-type", "text/html"), *headers), page)
        said = {"status_code": status, "error": text, **({"detail": detail} if detail else {})}
        return self.json(said, status, headers)


Route: TypeAlias = Callable[[Asked, list[str]], Reply]
"""Answers a request; the second argument is the path behind the route's own word.

Raises ValueError about a word that makes no sense, IndexError when a word is missing.
"""


def _canonical(name: str) -> str:
    return "-".join(part[:1].upper() + part[1:] for part in name.split("-"))
