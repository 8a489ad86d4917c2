"""Which modules a proxy takes, and how often it asks for them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pocketmesh.istio.envoy.layout import Layout
from pocketmesh.istio.envoy.modules import LIMIT, Modules, checked
from pocketmesh.istio.fetching import FetchFailed
from pocketmesh.istio.mesh.attachments import Extension, Proxy
from pocketmesh.istio.mesh.model import Mesh
from pocketmesh.istio.mesh.modules import Source
from pocketmesh.istio.mesh.plugins import sources_of

MODULE = b"\0asm\1\0\0\0"
URL = "http://server/m.wasm"


class Server:
    """What is at every URL; nothing fails."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = content
        self.asked = 0

    async def load(self, url: str) -> bytes:
        self.asked += 1
        if not self.content:
            raise FetchFailed("status 404")
        return self.content


@pytest.mark.parametrize(
    ("content", "digest", "said"),
    [
        pytest.param(MODULE + bytes(LIMIT), "", "more than", id="too-large"),
        pytest.param(b"<html>", "", "no Wasm binary", id="no-module"),
        pytest.param(MODULE, "0" * 64, "does not match", id="another-digest"),
    ],
)
def test_what_cannot_be_the_module_is_refused(content: bytes, digest: str, said: str) -> None:
    with pytest.raises(FetchFailed, match=said):
        checked(content, Source(URL, digest))


def test_the_module_with_the_wanted_digest_is_taken() -> None:
    assert checked(MODULE, Source(URL, hashlib.sha256(MODULE).hexdigest())) == MODULE


@pytest.mark.parametrize(
    ("url", "asked"),
    [pytest.param(URL, 1, id="a-server-once"), pytest.param("file:///m.wasm", 2, id="a-file-each-time")],
)
async def test_what_is_here_is_not_fetched_again(tmp_path: Path, url: str, asked: int) -> None:
    server = Server(MODULE)
    modules = Modules(Layout(tmp_path), server.load)
    for _ in range(2):
        found = await modules.of([Source(url)])
    assert found[Source(url)].path == str(Layout(tmp_path).module(hashlib.sha256(MODULE).hexdigest()))
    assert server.asked == asked
    assert modules.pause is None


async def test_a_failure_waits_until_it_is_due(tmp_path: Path) -> None:
    server = Server()
    modules = Modules(Layout(tmp_path), server.load)
    for _ in range(2):
        found = await modules.of([Source(URL)])
    assert found[Source(URL)].problem == "status 404"
    assert server.asked == 1
    assert modules.pause is not None
    await modules.of([])
    assert modules.pause is None


@pytest.mark.parametrize(
    ("spec", "source"),
    [
        pytest.param({"url": URL}, Source(URL), id="once"),
        pytest.param({"url": URL, "imagePullPolicy": "Always"}, Source(URL, "", "u/2"), id="always"),
        pytest.param(
            {"url": URL, "imagePullPolicy": "Always", "sha256": "ab"}, Source(URL, "ab"), id="a-digest"
        ),
        pytest.param({"wasm": {"url": URL}}, Source(URL), id="of-a-traffic-extension"),
        pytest.param({"url": "oci://registry/m"}, None, id="an-image"),
        pytest.param({"url": URL, "type": "NETWORK"}, None, id="for-connections"),
    ],
)
def test_a_proxy_needs_the_modules_of_its_plugins(spec: dict[str, object], source: Source | None) -> None:
    named = ("Gateway", "shop", "waypoint")
    mesh = Mesh(
        wasm_plugins=(
            Extension("shop", "p", spec, targets=(named,), version="u/2"),
            Extension("shop", "q", {"url": "http://else"}, targets=(("Gateway", "shop", "else"),)),
        )
    )
    proxy = Proxy("waypoint", "shop", "waypoint", "istio-waypoint")
    assert sources_of(mesh, proxy) == frozenset([source] if source else [])
