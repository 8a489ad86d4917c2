"""EnvoyFilters on a real waypoint."""

from __future__ import annotations

from typing import Any

import pytest

from .test_telemetry import HELLO, WAYPOINT, applied

pytestmark = pytest.mark.asyncio(loop_scope="module")

MANAGER = "envoy.filters.network.http_connection_manager"
ROUTER = "envoy.filters.http.router"
FILTERS = "type.googleapis.com/envoy.extensions.filters.http"


def envoy_filter(*patches: dict[str, Any], **spec: Any) -> dict[str, Any]:
    meta = {"name": "patch", "namespace": "shop"}
    return {
        "kind": "EnvoyFilter",
        "metadata": meta,
        "spec": {"targetRefs": [WAYPOINT], "configPatches": list(patches), **spec},
    }


def patch(apply_to: str, operation: str, value: dict[str, Any] | None = None, **match: Any) -> dict[str, Any]:
    return {
        "applyTo": apply_to,
        "match": {"context": "WAYPOINT", "waypoint": match},
        "patch": {"operation": operation, **({"value": value} if value else {})},
    }


def before_the_router(value: dict[str, Any], **match: Any) -> dict[str, Any]:
    within = {"name": MANAGER, "subFilter": {"name": ROUTER}}
    return patch("HTTP_FILTER", "INSERT_BEFORE", value, filter=within, **match)


def lua(code: str) -> dict[str, Any]:
    return {"name": "envoy.lua", "typed_config": {"@type": f"{FILTERS}.lua.v3.Lua", "inlineCode": code}}


ON_REQUEST = 'function envoy_on_request(handle) handle:headers():add("x-lua", "%s") end'
RATE_LIMIT = before_the_router(
    {
        "name": "envoy.filters.http.local_ratelimit",
        "typed_config": {
            "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
            "type_url": f"{FILTERS}.local_ratelimit.v3.LocalRateLimit",
            "value": {
                "stat_prefix": "http_local_rate_limiter",
                "token_bucket": {"max_tokens": 2, "tokens_per_fill": 2, "fill_interval": "600s"},
                "filter_enabled": {
                    "runtime_key": "local_rate_limit_enabled",
                    "default_value": {"numerator": 100, "denominator": "HUNDRED"},
                },
                "filter_enforced": {
                    "runtime_key": "local_rate_limit_enforced",
                    "default_value": {"numerator": 100, "denominator": "HUNDRED"},
                },
                "response_headers_to_add": [
                    {"append": False, "header": {"key": "x-local-rate-limit", "value": "true"}}
                ],
            },
        },
    }
)


async def test_a_local_rate_limit_answers_with_429(shared_town) -> None:
    town = shared_town
    with applied(town, envoy_filter(RATE_LIMIT)):
        await town.plane.settled()
        answers = [await town.get("client", "hello") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].body == "local_rate_limited"
    assert answers[2].headers["x-local-rate-limit"] == "true"


async def test_lua_and_merged_virtual_hosts_change_requests(shared_town) -> None:
    town = shared_town
    added = [{"header": {"key": "x-vhost", "value": "merged"}}]
    wanted = envoy_filter(
        before_the_router(lua(ON_REQUEST % "hi")),
        patch("VIRTUAL_HOST", "MERGE", {"request_headers_to_add": added}),
    )
    with applied(town, wanted):
        await town.plane.settled()
        answer = await town.get("client", "hello")
    assert (answer.request["x-lua"], answer.request["x-vhost"]) == ("hi", "merged")


async def test_one_that_names_a_service_leaves_others_alone(shared_town) -> None:
    town = shared_town
    town.service("other", "v1", **{"istio.io/use-waypoint": "waypoint"})
    with applied(town, envoy_filter(before_the_router(lua(ON_REQUEST % "hi")), targetRefs=[HELLO])):
        await town.plane.settled()
        assert "x-lua" in (await town.get("client", "hello")).request
        assert "x-lua" not in (await town.get("client", "other")).request


async def test_lua_cannot_reach_the_machine(shared_town) -> None:
    town = shared_town
    code = ON_REQUEST.replace('"%s"', "type(io) .. type(require) .. type(os.execute)")
    with applied(town, envoy_filter(before_the_router(lua(code)))):
        await town.plane.settled()
        assert (await town.get("client", "hello")).request["x-lua"] == "nilnilnil"


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("local_ratelimit.v3.LocalRateLimit", id="without-what-it-needs"),
        pytest.param("nothing.v3.Nothing", id="of-no-type-that-there-is"),
    ],
)
async def test_a_bad_one_is_rejected_and_the_old_configuration_stays(shared_town, kind: str) -> None:
    town = shared_town
    before = len(town.logs["waypoint-1"].lines())
    bad = before_the_router({"name": "bad", "typed_config": {"@type": f"{FILTERS}.{kind}"}})
    with applied(town, envoy_filter(bad)):
        await town.plane.settled()
        assert (await town.get("client", "hello")).status == 200
    lines = [line.data.decode() for line in town.logs["waypoint-1"].lines()[before:]]
    assert any("configuration rejected, the old one stays: lds.json" in line for line in lines)
    with applied(town, envoy_filter(before_the_router(lua(ON_REQUEST % "again")))):
        await town.plane.settled()
        assert (await town.get("client", "hello")).request["x-lua"] == "again"


async def test_an_added_cluster_leads_to_a_service_of_the_emulated_cluster(shared_town) -> None:
    town = shared_town
    address = {"socket_address": {"address": "hello-v2.shop.svc.cluster.local", "port_value": 5000}}
    cluster = {
        "name": "elsewhere",
        "type": "STRICT_DNS",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": "elsewhere",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    wanted = envoy_filter(
        patch("CLUSTER", "ADD", cluster),
        patch("HTTP_ROUTE", "MERGE", {"route": {"cluster": "elsewhere"}}, route={"name": "default"}),
    )
    with applied(town, wanted):
        await town.plane.settled()
        assert {(await town.get("client", "hello")).instance for _ in range(6)} == {"v2"}


async def test_what_would_reach_out_is_refused_and_said(shared_town) -> None:
    town = shared_town
    cluster = {"name": "real", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED"}
    with applied(town, envoy_filter(patch("CLUSTER", "ADD", cluster))):
        await town.plane.settled()
        assert (await town.get("client", "hello")).status == 200
    said = "EnvoyFilter shop/patch, patch of CLUSTER: clusters of type ORIGINAL_DST would reach out"
    assert any(said in line.data.decode() for line in town.logs["waypoint-1"].lines())
