from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest


@pytest.fixture
async def stranger(pki: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A client without a certificate."""
    trust = ssl.create_default_context(cafile=pki / "ca.crt")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session:
        yield session


async def test_a_stranger_is_refused(api: Any, stranger: aiohttp.ClientSession) -> None:
    async with stranger.get(api.url("/api/v1/namespaces/default/secrets")) as response:
        status = await response.json()

    assert response.status == 403
    assert status["message"].startswith('secrets is forbidden: User "system:anonymous" cannot list resource')


async def test_a_wrong_token_is_refused(api: Any, stranger: aiohttp.ClientSession) -> None:
    headers = {"Authorization": "Bearer nonsense"}
    async with stranger.get(api.url("/api"), headers=headers) as response:
        assert (response.status, (await response.json())["reason"]) == (401, "Unauthorized")


@pytest.mark.parametrize(
    "path", ["/api/v1/namespaces/default/pods/web/exec?command=x&stdout=true", "/extra/x"]
)
async def test_streams_and_extras_pass_the_same_gate(
    api: Any, stranger: aiohttp.ClientSession, path: str
) -> None:
    async with stranger.post(api.url(path)) as response:
        assert response.status == 403


async def test_the_client_certificate_names_the_caller(api: Any) -> None:
    async with api.session.post(api.url("/extra/some/thing"), data=b"hello") as response:
        assert await response.json() == {
            "method": "POST",
            "path": "some/thing",
            "user": "kubernetes-admin",
            "body": "hello",
        }


async def test_only_http_1_1_is_offered(api: Any, pki: Path) -> None:
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    context.set_alpn_protocols(["h2", "http/1.1"])
    _, writer = await asyncio.open_connection("127.0.0.1", api.server.port, ssl=context)

    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    writer.close()
