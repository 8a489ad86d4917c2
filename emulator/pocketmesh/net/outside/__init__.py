"""The world outside the cluster: a few hosts of the internet, emulated, because nothing leaves the machine.

Which hosts there are is the catalogue in `sites`; any other name does not exist, and any other address
swallows packets. Their addresses are from a range that is set aside for documentation (RFC 5737, TEST-NET-3),
so no real host is ever meant. Their certificates are those of one authority that every container trusts, as
images come with the certificates of public authorities.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial

from pocketmesh.clock import Clock
from pocketmesh.net.outside.authority import Authority
from pocketmesh.net.outside.sites import SITES, Site, to_https
from pocketmesh.node.commands.http import Http
from pocketmesh.node.commands.tls import Tls, server_context
from pocketmesh.node.commands.web import HttpHandler

_ALPN = ("h2", "http/1.1")


class Outside:
    """The emulated hosts. They answer HTTP on port 80 and HTTPS on port 443."""

    def __init__(self, clock: Clock, sites: Iterable[Site] = SITES) -> None:
        self._clock = clock
        self._sites = {site.address: site for site in sites}
        self._contexts: dict[str, ssl.SSLContext] = {}

    @property
    def names(self) -> Mapping[str, str]:
        """The address of each host."""
        return {site.host: site.address for site in self._sites.values()}

    @cached_property
    def authority(self) -> Authority:
        """Who signs the hosts' certificates."""
        return Authority.new(self._clock.now())

    def covers(self, ip: str) -> bool:
        """Whether some host has this address."""
        return ip in self._sites

    def listener(self, ip: str, port: int) -> Callable[[], asyncio.Protocol] | None:
        """What accepts connections at an address, if anything does."""
        site = self._sites.get(ip)
        if site is not None and port == 80:
            return partial(Http, to_https if site.only_https else site.answer)
        if site is not None and port == 443:
            return partial(Tls, self._context(site), partial(_over_tls, site.answer))
        return None

    def _context(self, site: Site) -> ssl.SSLContext:
        if site.host not in self._contexts:
            pair = self.authority.issue(site.host, self._clock.now())
            self._contexts[site.host] = server_context(*pair, alpn=_ALPN)
        return self._contexts[site.host]


def _over_tls(answer: HttpHandler, alpn: str) -> asyncio.Protocol:
    return Http(answer, alpn or "http/1.1")
