from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

Object = dict[str, Any]


def route(*rules: Object, name: str = "hello", namespace: str = "shop", **parent: Any) -> Object:
    ref = {"group": "", "kind": "Service", "name": "hello", **parent}
    return {
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"parentRefs": [ref], "rules": list(rules)},
    }


def to(*backends: tuple[str, int], **rule: Any) -> Object:
    refs = [{"kind": "Service", "name": name, "port": 5000, "weight": weight} for name, weight in backends]
    return {"backendRefs": refs, **rule}


@pytest.fixture
def town(shared_town: Any) -> Iterator[Any]:
    yield shared_town
    for stored in shared_town.store.objects("httproutes.gateway.networking.k8s.io"):
        shared_town.store.delete(stored.key)


async def test_without_a_route_requests_are_balanced_and_marked(town: Any) -> None:
    await town.plane.settled()

    answers = [await town.get("client", "hello") for _ in range(20)]

    assert {answer.instance for answer in answers} == {"v1", "v2"}
    assert answers[0].headers["server"] == "istio-envoy"
    assert "x-envoy-upstream-service-time" in answers[0].headers
    assert answers[0].headers["x-envoy-decorator-operation"] == "hello.shop.svc.cluster.local:5000/*"
    assert "x-request-id" in answers[0].request


async def test_a_client_outside_the_mesh_goes_past_the_waypoint(town: Any) -> None:
    answer = await town.get("outsider", "hello")

    assert answer.status == 200
    assert "server" not in answer.headers


async def test_weights_share_the_requests_out(town: Any) -> None:
    town.put(route(to(("hello-v1", 90), ("hello-v2", 10))))
    await town.plane.settled()

    found = Counter([(await town.get("client", "hello")).instance for _ in range(300)])

    assert 10 <= found["v2"] <= 60, found


async def test_a_changed_weight_is_effective_at_once(town: Any) -> None:
    town.put(route(to(("hello-v1", 1))))
    await town.plane.settled()
    town.put(route(to(("hello-v2", 1))))
    await town.plane.settled()

    assert {(await town.get("client", "hello")).instance for _ in range(10)} == {"v2"}


async def test_the_more_exact_match_wins_whatever_the_order(town: Any) -> None:
    header = {"headers": [{"name": "x-beta", "value": "yes"}]}
    town.put(
        route(
            to(("hello-v1", 1), matches=[{"path": {"type": "PathPrefix", "value": "/"}}]),
            to(("hello-v2", 1), matches=[{"path": {"type": "PathPrefix", "value": "/"}, **header}]),
        )
    )
    await town.plane.settled()

    assert (await town.get("client", "hello")).instance == "v1"
    assert (await town.get("client", "hello", x_beta="yes")).instance == "v2"


async def test_a_prefix_matches_whole_path_elements(town: Any) -> None:
    town.put(route(to(("hello-v2", 1), matches=[{"path": {"type": "PathPrefix", "value": "/v2/"}}])))
    await town.plane.settled()

    found = {
        path: (await town.get("client", "hello", path)).status for path in ("/v2", "/v2/a", "/v2example")
    }

    assert found == {"/v2": 200, "/v2/a": 200, "/v2example": 404}


@pytest.mark.parametrize(
    ("rule", "status", "body"),
    [
        pytest.param(to(), 404, "", id="no backend"),
        pytest.param(to(("hello-v1", 0)), 500, "", id="only zero weights"),
        pytest.param(to(("missing", 1)), 500, "", id="a backend that does not exist"),
        pytest.param(
            {"backendRefs": [{"kind": "Service", "name": "hello-v1", "port": 81, "weight": 1}]},
            500,
            "",
            id="a port that the backend has not",
        ),
        pytest.param(to(("empty", 1)), 503, "no healthy upstream", id="a backend without endpoints"),
        pytest.param(
            to(("closed", 1)), 503, "upstream connect error or disconnect/reset", id="a closed port"
        ),
        pytest.param(
            to(("hello-v1", 1), timeouts={"request": "50ms"}), 504, "upstream request timeout", id="too slow"
        ),
    ],
)
async def test_what_fails_fails_with_istios_codes(town: Any, rule: Object, status: int, body: str) -> None:
    town.service("empty")
    town.service("closed", "v1", target=9999)
    town.put(route(rule))
    await town.plane.settled()

    answer = await town.get("client", "hello", "/slow" if status == 504 else "/hello")

    assert (answer.status, answer.body[: len(body)]) == (status, body)


async def test_a_weight_of_zero_may_name_what_does_not_exist(town: Any) -> None:
    town.put(route(to(("hello-v1", 1), ("missing", 0))))
    await town.plane.settled()

    assert (await town.get("client", "hello")).status == 200


async def test_header_filters_change_request_and_response(town: Any) -> None:
    request = {"set": [{"name": "x-set", "value": "100%"}], "remove": ["x-gone"]}
    filters = [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": request},
        {
            "type": "ResponseHeaderModifier",
            "responseHeaderModifier": {"add": [{"name": "x-new", "value": "1"}]},
        },
    ]
    town.put(route(to(("hello-v1", 1), filters=filters)))
    await town.plane.settled()

    answer = await town.get("client", "hello", x_set="old", x_gone="here")

    assert answer.request["x-set"] == "100%"
    assert "x-gone" not in answer.request
    assert answer.headers["x-new"] == "1"


@pytest.mark.parametrize(
    ("prefix", "replacement", "path", "seen"),
    [
        pytest.param("/old", "/new", "/old/a", "/new/a", id="another prefix"),
        pytest.param("/old", "/new/", "/old", "/new", id="trailing slash"),
        pytest.param("/old", "/", "/old/a", "/a", id="no prefix"),
        pytest.param("/old", "/", "/old", "/", id="nothing left"),
        pytest.param("/", "/new", "/a", "/new/a", id="a prefix for everything"),
    ],
)
async def test_a_prefix_is_replaced(town: Any, prefix: str, replacement: str, path: str, seen: str) -> None:
    rewrite = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": replacement}}
    matches = [{"path": {"type": "PathPrefix", "value": prefix}}]
    filters = [{"type": "URLRewrite", "urlRewrite": {"hostname": "new.example", **rewrite}}]
    town.put(route(to(("hello-v1", 1), matches=matches, filters=filters)))
    await town.plane.settled()

    answer = await town.get("client", "hello", path)

    assert answer.path == seen
    assert answer.request["host"] == "new.example"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_names_the_new_place(town: Any, status: int) -> None:
    redirect = {
        "hostname": "new.example",
        "statusCode": status,
        "path": {"type": "ReplaceFullPath", "replaceFullPath": "/there"},
    }
    town.put(route({"filters": [{"type": "RequestRedirect", "requestRedirect": redirect}]}))
    await town.plane.settled()

    answer = await town.get("client", "hello")

    assert (answer.status, answer.headers["location"]) == (status, "http://new.example/there")


async def test_a_share_of_requests_is_mirrored(town: Any) -> None:
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "hello-v2", "port": 5000}}}
    town.put(route(to(("hello-v1", 1), filters=[mirror])))
    await town.plane.settled()
    before = len(town.seen["v2"])

    assert {(await town.get("client", "hello", "/copied")).instance for _ in range(3)} == {"v1"}

    async def copied() -> bool:
        return len(town.seen["v2"]) == before + 3

    await town.until(copied)
    assert b"/copied" in town.seen["v2"][-1]


async def test_an_origin_is_allowed_by_cors(town: Any) -> None:
    cors = {"allowOrigins": ["https://*.shop.example"], "allowMethods": ["GET"]}
    town.put(route(to(("hello-v1", 1), filters=[{"type": "CORS", "cors": cors}])))
    await town.plane.settled()

    friend = await town.get("client", "hello", origin="https://www.shop.example")
    stranger = await town.get("client", "hello", origin="https://evil.example")

    assert friend.headers["access-control-allow-origin"] == "https://www.shop.example"
    assert "access-control-allow-origin" not in stranger.headers


async def test_a_filter_that_istio_cannot_use_drops_the_route(town: Any) -> None:
    town.put(route(to(("hello-v2", 1), filters=[{"type": "ExtensionRef", "extensionRef": {}}])))
    await town.plane.settled()

    assert {(await town.get("client", "hello")).instance for _ in range(20)} == {"v1", "v2"}


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(
            route(to(("hello-v2", 1)), group="gateway.networking.k8s.io"), id="parent of another group"
        ),
        pytest.param(route(to(("hello-v2", 1)), port=81), id="parent's other port"),
        pytest.param(route(to(("hello-v2", 1)), namespace="other") | {}, id="consumer route"),
    ],
)
async def test_a_route_without_effect_changes_nothing(town: Any, odd: Object) -> None:
    odd["spec"]["parentRefs"][0]["namespace"] = "shop"
    town.put(
        route(to(("hello-v1", 1)), name="plain"), {**odd, "metadata": {**odd["metadata"], "name": "a-odd"}}
    )
    await town.plane.settled()

    assert {(await town.get("client", "hello")).instance for _ in range(8)} == {"v1"}
