"""WebAssembly modules that a real waypoint runs, out of its container or the cluster's network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import wasmtime

from pocketmesh.node.commands.http import Http
from pocketmesh.node.commands.web import Call, Reply

from .test_plugins import plugin
from .test_telemetry import HELLO, applied

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Responses get `x-wasm: yes`, and the plugin's configuration as `x-config`.
# The functions are those of https://github.com/proxy-wasm/spec, version 0.2.1 of its ABI.
SOURCE = """
(module
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "x-wasm")
  (data (i32.const 32) "yes")
  (data (i32.const 48) "x-config")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_configure") (param $context i32) (param $size i32) (result i32)
    (drop (call $get (i32.const 7) (i32.const 0) (local.get $size) (i32.const 0) (i32.const 4)))
    (i32.const 1))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (drop (call $add (i32.const 2) (i32.const 16) (i32.const 6) (i32.const 32) (i32.const 3)))
    (drop (call $add (i32.const 2) (i32.const 48) (i32.const 8)
      (i32.load (i32.const 0)) (i32.load (i32.const 4))))
    (i32.const 0)))
"""
MODULE = bytes(wasmtime.wat2wasm(SOURCE))
PATH = "/var/local/wasm/headers.wasm"
CONFIG = {"realm": "ü", "rules": [1, True]}


class Server:
    """A pod that serves what it is given, and counts."""

    def __init__(self, ip: str) -> None:
        self.url = f"http://{ip}:8000/headers.wasm"
        self.content: bytes | None = None
        self.asked = 0

    async def __call__(self, call: Call) -> Reply:
        self.asked += 1
        return Reply(404 if self.content is None else 200, (), self.content or b"")


@contextmanager
def serving(town: Any, name: str, content: bytes | None = None) -> Iterator[Server]:
    ip = town.pod(name, enrolled=False, listening=False)
    server = Server(ip)
    server.content = content
    town.fabric.listen(ip, 8000, lambda: Http(server))
    try:
        yield server
    finally:
        town.fabric.unlisten(ip, 8000)


def told(town: Any, *words: str) -> bool:
    lines = [line.data.decode() for line in town.logs["waypoint-1"].lines()]
    return any(all(word in line for word in words) for line in lines)


async def test_a_module_of_the_containers_files_runs(shared_town) -> None:
    town = shared_town
    town.files["waypoint-1"].write(PATH, MODULE)
    with applied(town, plugin(url=f"file://{PATH}", pluginConfig=CONFIG, targetRefs=[HELLO])):
        await town.plane.settled()
        answer = await town.get("client", "hello")
    assert answer.status == 200
    assert answer.headers["x-wasm"] == "yes"
    assert answer.headers["x-config"] == '{"realm":"ü","rules":[1,true]}'


async def test_a_module_of_a_server_in_the_cluster_runs(shared_town) -> None:
    town = shared_town
    digest = hashlib.sha256(MODULE).hexdigest()
    with serving(town, "modules", MODULE) as server:
        with applied(town, plugin(url=server.url, sha256=digest, phase="AUTHN")):
            await town.plane.settled()
            answer = await town.get("client", "hello")
        assert answer.headers["x-wasm"] == "yes"
        assert server.asked == 1


async def test_a_gateway_runs_modules_too(shared_town) -> None:
    town = shared_town
    await town.gateway({"name": "http", "port": 80, "protocol": "HTTP"})
    town.files["gw-1"].write(PATH, MODULE)
    gateway = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gw"}
    with applied(town, plugin(url=f"file://{PATH}", targetRefs=[gateway])):
        await town.plane.settled()
        answer = await town.get("client", "gw-1", port=80)
    assert (answer.status, answer.headers["x-wasm"]) == (404, "yes")


@pytest.mark.parametrize(
    ("strategy", "status"),
    [pytest.param("FAIL_CLOSE", 500, id="closed"), pytest.param("FAIL_OPEN", 200, id="open")],
)
@pytest.mark.parametrize(
    ("content", "digest", "said"),
    [
        pytest.param(MODULE, "0" * 64, "which does not match", id="another-digest"),
        pytest.param(b"no module", "", "it is no Wasm binary", id="no-module"),
        pytest.param(None, "", "no such file", id="no-file"),
    ],
)
async def test_a_module_that_is_not_the_one_fails(
    shared_town, content: bytes | None, digest: str, said: str, strategy: str, status: int
) -> None:
    town = shared_town
    town.files["waypoint-1"].remove(PATH)
    if content is not None:
        town.files["waypoint-1"].write(PATH, content)
    with applied(town, plugin(url=f"file://{PATH}", sha256=digest, failStrategy=strategy)):
        await town.plane.settled()
        answer = await town.get("client", "hello")
    assert answer.status == status
    assert "x-wasm" not in answer.headers
    assert told(town, said, f"file://{PATH}")


async def test_what_envoy_cannot_load_leaves_the_old_configuration(shared_town) -> None:
    town = shared_town
    town.files["waypoint-1"].write(PATH, MODULE[:60])
    with applied(town, plugin(url=f"file://{PATH}")):
        await town.plane.settled()
        assert (await town.get("client", "hello")).status == 200
    assert told(town, "configuration rejected, the old one stays")


async def test_a_server_that_comes_late_is_asked_again(shared_town) -> None:
    town = shared_town
    with serving(town, "late") as server, applied(town, plugin(url=server.url)):
        await town.plane.settled()
        assert (await town.get("client", "hello")).status == 500
        server.content = MODULE

        async def runs() -> bool:
            return "x-wasm" in (await town.get("client", "hello")).headers

        await town.until(runs)
