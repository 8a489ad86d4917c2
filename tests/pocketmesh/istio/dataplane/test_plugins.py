"""WasmPlugins and TrafficExtensions on a real waypoint."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from .test_telemetry import HELLO, WAYPOINT, applied

pytestmark = pytest.mark.asyncio(loop_scope="module")

IMAGE = "oci://ghcr.io/istio-ecosystem/wasm-extensions/basic_auth:1.12.0"
RULES = [
    {
        "prefix": "/productpage",
        "request_methods": ["GET", "POST"],
        "credentials": ["ok:test", "YWRtaW4zOmFkbWluMw=="],
    }
]


def plugin(**spec: Any) -> dict[str, Any]:
    meta = {"name": "basic-auth", "namespace": "shop"}
    wanted = {"targetRefs": [WAYPOINT], "url": IMAGE, "pluginConfig": {"basic_auth_rules": RULES}, **spec}
    return {"kind": "WasmPlugin", "metadata": meta, "spec": wanted}


def lua(name: str, code: str, **spec: Any) -> dict[str, Any]:
    wanted = {"targetRefs": [WAYPOINT], "lua": {"inlineCode": code}, **spec}
    return {"kind": "TrafficExtension", "metadata": {"name": name, "namespace": "shop"}, "spec": wanted}


def basic(credentials: str) -> str:
    return f"Basic {b64encode(credentials.encode()).decode()}"


async def test_basic_auth_wants_a_name_and_a_password(shared_town) -> None:
    town = shared_town
    with applied(town, plugin()):
        await town.plane.settled()
        nobody = await town.get("client", "hello", "/productpage")
        wrong = await town.get("client", "hello", "/productpage", authorization=basic("ok:wrong"))
        known = [
            await town.get("client", "hello", "/productpage?a=b", authorization=basic(credentials))
            for credentials in ("ok:test", "admin3:admin3")
        ]
        elsewhere = await town.get("client", "hello", "/reviews")
    assert nobody.status == 401
    assert nobody.headers["www-authenticate"] == 'Basic realm="istio"'
    assert wrong.status == 401
    assert [answer.status for answer in known] == [200, 200]
    assert elsewhere.status == 200


@pytest.mark.parametrize(
    ("strategy", "status"),
    [pytest.param("FAIL_CLOSE", 500, id="closed"), pytest.param("FAIL_OPEN", 200, id="open")],
)
async def test_a_module_that_cannot_be_had_fails(shared_town, strategy: str, status: int) -> None:
    town = shared_town
    with applied(town, plugin(url="oci://example.com/unknown:1", failStrategy=strategy)):
        await town.plane.settled()
        assert (await town.get("client", "hello")).status == status
    lines = [line.data.decode() for line in town.logs["waypoint-1"].lines()]
    assert any("cannot fetch Wasm module oci://example.com/unknown:1" in line for line in lines)


async def test_lua_answers_whether_a_number_is_odd(shared_town) -> None:
    town = shared_town
    code = """
function envoy_on_request(request_handle)
  local number = tonumber(request_handle:headers():get("x-number"))
  if number == nil then return end
  local parity = number % 2 == 0 and "even" or "odd"
  request_handle:streamInfo():dynamicMetadata():set("envoy.filters.http.lua", "parity", parity)
end
function envoy_on_response(response_handle)
  local meta = response_handle:streamInfo():dynamicMetadata():get("envoy.filters.http.lua")
  if meta == nil then return end
  response_handle:headers():add("x-parity", meta["parity"])
end
"""
    with applied(town, lua("parity", code, phase="STATS", targetRefs=[HELLO])):
        await town.plane.settled()
        answers = [await town.get("client", "hello", x_number=number) for number in ("3", "4")]
    assert [answer.headers["x-parity"] for answer in answers] == ["odd", "even"]


async def test_phases_and_priorities_order_extensions(shared_town) -> None:
    town = shared_town
    code = """
function envoy_on_request(handle)
  handle:headers():replace("x-order", (handle:headers():get("x-order") or "") .. "%s")
end
"""
    wanted = [
        lua("last", code % "4"),
        lua("low", code % "2", phase="AUTHN", priority=1),
        lua("high", code % "1", phase="AUTHN", priority=10),
        lua("stats", code % "3", phase="STATS"),
        lua("client", code % "x", match=[{"mode": "CLIENT"}]),
        lua("port", code % "y", match=[{"ports": [{"number": 81}]}]),
    ]
    with applied(town, *wanted):
        await town.plane.settled()
        assert (await town.get("client", "hello")).request["x-order"] == "1234"
