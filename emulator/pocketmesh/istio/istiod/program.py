"""`pilot-discovery`, the program of istiod's container: its controllers, its authority and its ports."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, Protocol

from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.clock import parse, rfc3339_micro
from pocketmesh.controllers.runtime import Reconciler, Runtime
from pocketmesh.istio.endpoints import Page, fine, served
from pocketmesh.istio.fetching import FetchFailed
from pocketmesh.istio.istiod import Settings, reconcilers
from pocketmesh.istio.istiod.authority import Authority, open_authority
from pocketmesh.istio.istiod.fetching import fetch_key_set
from pocketmesh.istio.istiod.key_sets import KeySets
from pocketmesh.istio.istiod.leadership import Leadership
from pocketmesh.istio.istiod.syncz import Proxy, discovery_response, syncz
from pocketmesh.istio.istiod.validation import webhook
from pocketmesh.istio.istiod.xds import DebugStreams, Tls
from pocketmesh.istio.resources import PODS, SERVICE_ENTRIES, SERVICES, VIRTUAL_SERVICES
from pocketmesh.istio.role import Role
from pocketmesh.istio.telemetry.programs import istiod_page
from pocketmesh.istio.waypoints import GATEWAY_MANAGED, GATEWAY_NAME, MANAGED_WAYPOINTS
from pocketmesh.node.commands.http import Http
from pocketmesh.node.commands.tls import Tls as EncryptedHttp
from pocketmesh.node.process import Container, Invocation
from pocketmesh.objects import Object, is_true, labels_of, name_of, namespace_of
from pocketmesh.versions import ISTIO


class Follower(Reconciler, Protocol):
    """Who makes a mesh of what istiod knows; `alpha` as in its settings."""

    alpha: bool

    def learn(self, keys: Mapping[str, str]) -> None:
        """Takes over the issuers' key sets, by URI."""
        ...


_PLAIN_XDS: Final = 15010
_TLS_XDS: Final = 15012
_RENEWAL: Final = timedelta(hours=12)


class PilotDiscovery:
    """The command. However many run, each controller runs once, with the settings of the latest: `follower`
    is the data plane's part."""

    def __init__(self, registry: Registry, runtime: Runtime, follower: Follower) -> None:
        self._client = Client(registry, "pilot-discovery", "system:serviceaccount:istio-system:istiod")
        self._registry = registry
        self._runtime = runtime
        self._follower = follower
        self._settings = Settings()
        self._controllers: list[Reconciler] = []
        self._pods: list[str] = []
        self._serving: tuple[ssl.SSLContext, datetime] | None = None
        self._key_sets = KeySets(self._client, runtime, self._fetch, follower.learn)
        self._container: Container | None = None
        self._role = Role(self._start, self._stop)
        self.authority: Authority | None = None
        """Who signs the mesh's certificates; nobody while istiod does not run."""

    async def __call__(self, invocation: Invocation) -> int:
        container = self._container = invocation.container
        self._adopt(Settings.of(container.env))
        with (
            self._among_leaders(name_of(container.pod)),
            self._role.held(),
            served(container, self._pages()),
            self._streams(container),
        ):
            await asyncio.Event().wait()
        return 0

    @contextmanager
    def _among_leaders(self, pod: str) -> Iterator[None]:
        """Lets a pod lead as soon as all that came before it are gone."""
        self._pods.append(pod)
        try:
            yield
        finally:
            self._pods.remove(pod)
            if self._role.active:
                for election in self._leadership.elections:
                    self._runtime.again(self._leadership, election)

    def _adopt(self, settings: Settings) -> None:
        if settings == self._settings:
            return
        self._settings = settings
        if self._role.active:
            self._stop()
            self._start()

    def _start(self) -> None:
        self.authority = open_authority(self._client, self._registry.clock, self._settings.root_namespace)
        own = reconcilers(self._registry, self.authority.root, self._settings)
        clock, settings = self._registry.clock, self._settings
        self._leadership = Leadership(self._client, clock, settings, lambda: next(iter(self._pods), None))
        self._follower.alpha = self._settings.alpha
        self._controllers = [*own, self._key_sets, self._leadership, self._follower]
        for controller in self._controllers:
            self._runtime.add(controller)

    def _stop(self) -> None:
        for controller in self._controllers:
            self._runtime.remove(controller)
        self._key_sets.close()
        self._controllers, self.authority, self._serving = [], None, None

    async def _fetch(self, uri: str) -> str:
        assert self._container is not None
        try:
            return await fetch_key_set(self._container, uri)
        except FetchFailed as error:
            now = rfc3339_micro(self._registry.clock.now())
            said = f'{now}\terror\tmodel\tFailed to fetch public key from "{uri}": {error}\n'
            self._container.log.write(said.encode())
            raise

    def _pages(self) -> dict[int, dict[str, Page]]:
        def proxies() -> bytes:
            return syncz(self._proxies())

        started = self._registry.clock.now()

        def metrics() -> bytes:
            return istiod_page(
                uptime=(self._registry.clock.now() - started).total_seconds(),
                proxies=len(self._proxies()),
                services=len(self._client.all(SERVICES)) + len(self._client.all(SERVICE_ENTRIES)),
                virtual_services=len(self._client.all(VIRTUAL_SERVICES)),
            )

        debug = {"/debug/syncz": fine(proxies), "/version": fine(f"{ISTIO}-pocketmesh-Clean".encode())}
        return {8080: {"/ready": fine(), **debug}, 15014: {"/metrics": fine(metrics), **debug}}

    @contextmanager
    def _streams(self, container: Container) -> Iterator[None]:
        name = name_of(container.pod)

        def plain() -> DebugStreams:
            return DebugStreams(lambda kind: discovery_response(kind, name, self._proxies()))

        network, ip = container.network, container.ip
        network.listen(ip, _PLAIN_XDS, plain)
        network.listen(ip, _TLS_XDS, lambda: Tls(self._tls(), plain))
        network.listen(ip, webhook.PORT, self._webhooks)
        try:
            yield
        finally:
            for port in (_PLAIN_XDS, _TLS_XDS, webhook.PORT):
                network.unlisten(ip, port)

    def _webhooks(self) -> asyncio.Protocol:
        return EncryptedHttp(self._tls(), lambda alpn: Http(webhook.answer, alpn))

    def _tls(self) -> ssl.SSLContext:
        """The server's side of TLS, under a certificate that is renewed long before its day is over."""
        assert self.authority is not None
        now = self._registry.clock.now()
        if self._serving is None or now >= self._serving[1]:
            context = self.authority.tls(f"istiod.{self._settings.root_namespace}.svc", now)
            self._serving = context, now + _RENEWAL
        return self._serving[0]

    def _proxies(self) -> list[Proxy]:
        found = (self._proxy(pod) for pod in self._client.all(PODS))
        return sorted((proxy for proxy in found if proxy), key=lambda proxy: proxy.id)

    def _proxy(self, pod: Object) -> Proxy | None:
        if not is_true(pod, "Ready"):
            return None
        labels = labels_of(pod)
        since = parse(pod["status"]["startTime"])
        if GATEWAY_NAME in labels:
            is_waypoint = labels.get(GATEWAY_MANAGED) in MANAGED_WAYPOINTS
            return Proxy(namespace_of(pod), name_of(pod), "waypoint" if is_waypoint else "router", since)
        if labels.get("app") == "ztunnel" and namespace_of(pod) == self._settings.root_namespace:
            return Proxy(namespace_of(pod), name_of(pod), "ztunnel", since)
        return None
