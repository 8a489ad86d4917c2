"""Asking a webhook over HTTPS: at a Service's ready pod, or at a URL on this machine and no other."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import ssl
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson

from pocketmesh.api.connecting import Dialled
from pocketmesh.api.errors import ApiError
from pocketmesh.api.locating import service_address, slices_of
from pocketmesh.api.registry import Registry
from pocketmesh.api.runtime import PodRuntime
from pocketmesh.api.streams.dialling import said
from pocketmesh.api.webhooks.hooks import Hook
from pocketmesh.api.webhooks.review import Unusable
from pocketmesh.objects import Object
from pocketmesh.store import Key

_AGENT: Final = "kube-apiserver-admission"
_LARGEST: Final = 3 * 1024 * 1024


class Caller:
    """Reaches webhooks from where the API server is."""

    def __init__(self, registry: Registry, runtime: PodRuntime) -> None:
        self._registry = registry
        self._runtime = runtime

    async def ask(self, hook: Hook, review: Object) -> Any:
        """The webhook's answer. Raises Unusable: no answer, none in time, or nothing that can be read."""
        service = hook.client.get("service")
        url = _url(service) if service else str(hook.client.get("url", ""))
        url = f"{url}{'&' if '?' in url else '?'}timeout={hook.timeout}s"
        try:
            async with asyncio.timeout(hook.timeout):
                return await self._post(hook, service, url, orjson.dumps(review))
        except TimeoutError as late:
            raise Unusable(f'failed to call webhook: Post "{url}": context deadline exceeded') from late
        except (ApiError, OSError, aiohttp.ClientError, ssl.SSLError) as error:
            raise Unusable(f'failed to call webhook: Post "{url}": {_words(error)}') from error

    async def _post(self, hook: Hook, service: Object | None, url: str, body: bytes) -> Any:
        trust = _trust(hook.client.get("caBundle") or "")
        if service:
            host = f"{service['name']}.{service['namespace']}.svc"
            connector: aiohttp.BaseConnector = Dialled(await self._dial(service), trust, host)
        else:
            _check_is_here(url)
            connector = aiohttp.TCPConnector(ssl=trust)
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": _AGENT}
        # To a socket that is connected already TLS is spoken by the connector.
        target = url.replace("https:", "http:", 1) if service else url
        async with (
            aiohttp.ClientSession(connector=connector, headers=headers) as session,
            session.post(target, data=body, allow_redirects=False) as answer,
        ):
            content = await answer.content.read(_LARGEST)
            if answer.status != 200:
                raise Unusable(f"failed to call webhook: the server answered {answer.status} {answer.reason}")
            try:
                return orjson.loads(content)
            except orjson.JSONDecodeError as error:
                raise Unusable(f"failed to call webhook: {error}") from error

    async def _dial(self, service: Object) -> Any:
        namespace, name, port = service["namespace"], service["name"], str(service.get("port") or 443)
        stored = self._registry.store.get(Key("services", namespace, name))
        if stored is None:
            raise ApiError(404, "NotFound", f'service "{name}" not found')
        address = service_address(stored.object, port, slices_of(self._registry, namespace, name))
        try:
            return await self._runtime.dial(namespace, address.pod, address.port)
        except OSError as problem:
            raise ConnectionError(said(problem, f"{address.ip}:{address.port}")) from problem


def _url(service: Object) -> str:
    place = f"{service['name']}.{service['namespace']}.svc:{service.get('port') or 443}"
    return f"https://{place}/{str(service.get('path') or '').lstrip('/')}"


@lru_cache(maxsize=32)
def _trust(bundle: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=base64.b64decode(bundle).decode() if bundle else None)
    # Go does not ask for what RFC 5280 wants of an authority beyond what it needs.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    return context


def _check_is_here(url: str) -> None:
    parts = urlsplit(url)
    try:
        here = parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        here = False
    if parts.scheme != "https" or not here:
        raise OSError(f"dial tcp: lookup {parts.hostname}: webhooks outside this machine are not called")


def _words(error: Exception) -> str:
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return f"tls: failed to verify certificate: x509: {found.verify_message}"
        found = found.__cause__
    return str(error)
