"""istiod fetches key sets: through the cluster's network, from outside, by way of OpenID configurations."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.clock import WallClock
from pocketmesh.controllers.runtime import Runtime
from pocketmesh.istio.fetching import FetchFailed
from pocketmesh.istio.istiod.fetching import fetch_key_set
from pocketmesh.istio.istiod.key_sets import KeySets
from pocketmesh.net.fabric import Fabric
from pocketmesh.net.outside import Outside
from pocketmesh.net.outside.sites import Site
from pocketmesh.node.commands.http import Http
from pocketmesh.node.commands.web import Call, Reply
from pocketmesh.node.files import MemoryFiles
from pocketmesh.node.log import ContainerLog
from pocketmesh.node.process import BUNDLE, Container

KEYS = '{"keys":[]}'
RESOURCE = "requestauthentications.security.istio.io"


async def issuer(call: Call) -> Reply:
    scheme = "https" if call.alpn else "http"
    pages = {
        "/jwks": KEYS,
        "/page": "<html>",
        "/object": "{}",
        "/.well-known/openid-configuration": json.dumps({"jwks_uri": f"{scheme}://{call.authority}/jwks"}),
    }
    page = pages.get(call.target)
    return Reply(404 if page is None else 200, (), (page or "").encode())


@pytest.fixture
def fabric(registry: Registry) -> Fabric:
    outside = Outside(WallClock(), [Site("issuer.example", "203.0.113.99", issuer)])
    return Fabric(registry.store, outside=outside)


@pytest.fixture
def istiod(fabric: Fabric) -> Container:
    pod = {"metadata": {"name": "istiod", "namespace": "istio-system", "uid": "istiod"}, "spec": {}}
    assert fabric.outside is not None
    trusted = MemoryFiles({BUNDLE: fabric.outside.authority.certificate})
    log = ContainerLog(WallClock())
    return Container(pod, "discovery", "none", fabric.attach(pod), "istiod", {}, fabric, log, {}, trusted)


@pytest.fixture
def server(fabric: Fabric) -> str:
    pod = {"metadata": {"name": "issuer", "namespace": "app", "uid": "issuer"}, "spec": {}}
    return fabric.attach(pod)


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("http://SERVER:8000/jwks", id="a pod"),
        pytest.param("http://SERVER:8000/.well-known/openid-configuration", id="by OpenID configuration"),
        pytest.param("https://issuer.example/jwks", id="outside"),
        pytest.param("https://issuer.example/.well-known/openid-configuration", id="outside, by OpenID"),
    ],
)
async def test_a_key_set_is_fetched(fabric: Fabric, istiod: Container, server: str, uri: str) -> None:
    fabric.listen(server, 8000, lambda: Http(issuer))

    assert await fetch_key_set(istiod, uri.replace("SERVER", server)) == KEYS


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        pytest.param("http://nowhere/jwks", "lookup nowhere: no such host", id="no such name"),
        pytest.param("http://SERVER:8001/jwks", "Connection refused", id="nobody listens"),
        pytest.param("http://SERVER:8000/missing", "status 404", id="no such page"),
        pytest.param("http://SERVER:8000/page", "unexpected character", id="no JSON"),
        pytest.param("http://SERVER:8000/object", "the answer is no key set", id="no key set"),
        pytest.param("https://SERVER:8000/jwks", "SSL", id="no TLS"),
    ],
)
async def test_what_cannot_be_fetched_says_why(
    fabric: Fabric, istiod: Container, server: str, uri: str, why: str
) -> None:
    fabric.listen(server, 8000, lambda: Http(issuer))

    with pytest.raises(FetchFailed, match=why):
        await fetch_key_set(istiod, uri.replace("SERVER", server))


@pytest.fixture
async def running(runtime: Runtime) -> AsyncIterator[Runtime]:
    task = asyncio.create_task(runtime.run())
    yield runtime
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def authentication(client: Client, uri: str) -> None:
    client.create(
        RESOURCE,
        {
            "apiVersion": "security.istio.io/v1",
            "kind": "RequestAuthentication",
            "metadata": {"name": "tokens", "namespace": "app"},
            "spec": {"jwtRules": [{"issuer": "me", "jwksUri": uri}]},
        },
    )


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


async def test_key_sets_are_learnt_as_they_come_to_be_wanted(
    running: Runtime, client: Client, fabric: Fabric, istiod: Container, server: str
) -> None:
    learnt: list[Any] = []
    fabric.listen(server, 8000, lambda: Http(issuer))
    running.add(KeySets(client, running, partial(fetch_key_set, istiod), learnt.append))

    authentication(client, f"http://{server}:8000/jwks")

    await until(lambda: bool(learnt))
    assert learnt == [{f"http://{server}:8000/jwks": KEYS}]


async def test_a_server_that_is_not_up_yet_is_asked_again(
    running: Runtime, client: Client, fabric: Fabric, istiod: Container, server: str
) -> None:
    learnt: list[Any] = []
    asked: list[str] = []

    async def fetch(uri: str) -> str:
        asked.append(uri)
        if len(asked) == 1:
            fabric.listen(server, 8000, lambda: Http(issuer))
            raise FetchFailed("connection refused")
        return await fetch_key_set(istiod, uri)

    running.add(KeySets(client, running, fetch, learnt.append))
    authentication(client, f"http://{server}:8000/jwks")

    await until(lambda: bool(learnt))
    assert len(asked) == 2
