"""What a configuration serves: servers with their locations, found by port, name and path. Pure.

Upstream: nginx.org/en/docs/http/{request_processing,ngx_http_core_module}.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pocketmesh.node.apps.nginx.config import Block, Directive, Emergency

PLAIN: Final = frozenset(
    {"return", "root", "alias", "index", "try_files", "add_header", "default_type", "listen", "server_name"}
)
"""Directives that are done."""
_SILENT: Final = frozenset(
    {
        *("user", "worker_processes", "error_log", "pid", "events", "worker_connections", "types", "charset"),
        *("log_format", "access_log", "sendfile", "tcp_nopush", "tcp_nodelay", "keepalive_timeout", "gzip"),
        *("server_tokens", "client_max_body_size", "expires", "internal", "worker_rlimit_nofile", "use"),
        *("gzip_types", "types_hash_max_size", "multi_accept", "daemon", "log_not_found", "etag"),
    }
)
"""Directives that change nothing that could be seen here."""

_OWN: Final = ("return", "try_files")
"""Directives that count only where they stand."""


@dataclass(frozen=True, slots=True)
class Location:
    """A part of a server: `kind` is "=", "^~", "~", "~*" or empty for a prefix."""

    kind: str
    pattern: str
    levels: tuple[Block, ...]
    """Its own directives, then those of each block around it."""

    def all(self, name: str) -> list[Directive]:
        """The directives of that name on the closest level that has any."""
        found = ([one for one in level if one.name == name] for level in self.levels)
        return next(filter(None, found), [])

    def words(self, name: str) -> tuple[str, ...]:
        """The words of the closest directive of that name; none without it."""
        return next((one.words for one in self.all(name)), ())

    @property
    def unable(self) -> str:
        """A directive of its own that would hand the request on, if there is one."""
        return next((one.name for one in self.levels[0] if one.name.endswith("_pass")), "")


@dataclass(frozen=True, slots=True)
class Site:
    """One `server`."""

    ports: tuple[int, ...]
    names: tuple[str, ...]
    chosen: bool
    """Whether it is the default on its ports."""
    locations: tuple[Location, ...]
    whole: Location
    """The server's own directives."""


def sites(config: Block, port: int) -> list[Site]:
    """The servers of a configuration; `port` is that of one that does not say. Raises Emergency."""
    http = next((one for one in config if one.name == "http" and one.block is not None), None)
    around = http.block if http is not None and http.block is not None else config
    shared = tuple(one for one in around if one.block is None)
    return [
        _site(one.block, shared, port) for one in around if one.name == "server" and one.block is not None
    ]


def unemulated(config: Block) -> Iterator[Directive]:
    """The directives that are not done."""
    for one in config:
        if one.block is not None and one.name in ("http", "server", "location"):
            yield from unemulated(one.block)
        elif one.name not in PLAIN and one.name not in _SILENT:
            yield one


def _site(block: Block, shared: tuple[Directive, ...], port: int) -> Site:
    own = tuple(one for one in block if one.block is None)
    listens = [one for one in own if one.name == "listen"]
    return Site(
        ports=tuple(dict.fromkeys(_port(one) for one in listens)) or (port,),
        names=tuple(name for one in own if one.name == "server_name" for name in one.words),
        chosen=any("default_server" in one.words for one in listens),
        locations=tuple(_location(one, own, shared) for one in block if one.name == "location"),
        whole=Location("", "/", (own, shared)),
    )


def _location(directive: Directive, *around: Block) -> Location:
    if directive.block is None or not 1 <= len(directive.words) <= 2:
        raise Emergency(f'invalid number of arguments in "location" directive in {directive.place}')
    kind = directive.words[0] if len(directive.words) == 2 else ""
    inherited = (tuple(one for one in level if one.name not in _OWN) for level in around)
    return Location(kind, directive.words[-1], (directive.block, *inherited))


def _port(listen: Directive) -> int:
    found = re.search(r"(?:^|:)(\d+)$", listen.words[0] if listen.words else "")
    if found is None and listen.words and not listen.words[0].startswith("unix:"):
        return 80
    if found is None:
        raise Emergency(
            f'host not found in "{" ".join(listen.words)}" of the "listen" directive in {listen.place}'
        )
    return int(found.group(1))


def site_for(found: list[Site], port: int, host: str) -> Site | None:
    """The server for a request: by its exact name, by one with `*`, or the default of the port."""
    here, name = [site for site in found if port in site.ports], host.partition(":")[0].lower()
    exact = (site for site in here if name in site.names)
    wild = (site for site in here if any(_wild(pattern, name) for pattern in site.names))
    default = (site for site in here if site.chosen)
    return next(exact, None) or next(wild, None) or next(default, None) or next(iter(here), None)


def location_for(site: Site, path: str) -> Location:
    """The location for a path, or the server itself when none fits."""
    exact = next((one for one in site.locations if one.kind == "=" and one.pattern == path), None)
    prefixes = [one for one in site.locations if one.kind in ("", "^~") and path.startswith(one.pattern)]
    longest = max(prefixes, key=lambda one: len(one.pattern), default=None)
    if exact is not None or (longest is not None and longest.kind == "^~"):
        return exact or longest or site.whole
    for one in site.locations:
        flags = re.IGNORECASE if one.kind == "~*" else 0
        if one.kind in ("~", "~*") and re.search(one.pattern, path, flags):
            return one
    return longest or site.whole


def _wild(pattern: str, name: str) -> bool:
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return pattern.endswith(".*") and name.startswith(pattern[:-1])
