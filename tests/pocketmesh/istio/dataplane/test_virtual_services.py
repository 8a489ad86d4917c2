from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

Object = dict[str, Any]
KINDS = ("httproutes.gateway.networking.k8s.io", "virtualservices.networking.istio.io")


def virtual_service(*http: Object, name: str = "hello", namespace: str = "shop", **spec: Any) -> Object:
    return {
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"hosts": ["hello"], "http": list(http), **spec},
    }


def to(host: str, **more: Any) -> Object:
    return {"route": [{"destination": {"host": host}}], **more}


V1, V2 = to("hello-v1"), to("hello-v2")


@pytest.fixture
def town(shared_town: Any) -> Iterator[Any]:
    yield shared_town
    for kind in KINDS:
        for stored in shared_town.store.objects(kind):
            shared_town.store.delete(stored.key)


async def test_weights_share_the_requests_out(town: Any) -> None:
    shares = [
        {"destination": {"host": "hello-v1", "port": {"number": 5000}}, "weight": 80},
        {"destination": {"host": "hello-v2.shop.svc.cluster.local"}, "weight": 20},
    ]
    town.put(virtual_service({"route": shares}))
    await town.plane.settled()

    found = Counter([(await town.get("client", "hello")).instance for _ in range(200)])

    assert 15 <= found["v2"] <= 65, found


@pytest.mark.parametrize(
    ("match", "path", "headers", "instance"),
    [
        pytest.param({"uri": {"exact": "/a"}}, "/a", {}, "v2", id="exact"),
        pytest.param({"uri": {"exact": "/a"}}, "/a/b", {}, "v1", id="not exact"),
        pytest.param({"uri": {"prefix": "/a"}}, "/abc", {}, "v2", id="a prefix of any length"),
        pytest.param({"uri": {"regex": "/a[0-9]+"}}, "/a42", {}, "v2", id="expression"),
        pytest.param({"uri": {"regex": "/a[0-9]+"}}, "/a42/b", {}, "v1", id="expression for all of it"),
        pytest.param({"uri": {"prefix": "/A"}, "ignoreUriCase": True}, "/aB", {}, "v2", id="any case"),
        pytest.param({"headers": {"x-a": {"exact": "1"}}}, "/", {"x_a": "1"}, "v2", id="header"),
        pytest.param({"headers": {"x-a": {"prefix": "be"}}}, "/", {"x_a": "beta"}, "v2", id="header prefix"),
        pytest.param({"headers": {"x-a": {"regex": "b.*a"}}}, "/", {"x_a": "beta"}, "v2", id="header regex"),
        pytest.param({"headers": {"x-a": {}}}, "/", {"x_a": ""}, "v2", id="header present"),
        pytest.param({"headers": {"x-a": {}}}, "/", {}, "v1", id="header absent"),
        pytest.param({"withoutHeaders": {"x-a": {"exact": "1"}}}, "/", {}, "v2", id="without, absent"),
        pytest.param(
            {"withoutHeaders": {"x-a": {"exact": "1"}}}, "/", {"x_a": "2"}, "v2", id="without, other"
        ),
        pytest.param(
            {"withoutHeaders": {"x-a": {"exact": "1"}}}, "/", {"x_a": "1"}, "v1", id="without, same"
        ),
        pytest.param({"withoutHeaders": {"x-a": {}}}, "/", {"x_a": "1"}, "v1", id="without, present"),
        pytest.param({"withoutHeaders": {"x-a": {}}}, "/", {}, "v2", id="without any"),
        pytest.param({"queryParams": {"q": {"exact": "1"}}}, "/?q=1", {}, "v2", id="query"),
        pytest.param({"queryParams": {"q": {"regex": "\\d+"}}}, "/?q=x", {}, "v1", id="query expression"),
        pytest.param({"method": {"exact": "GET"}}, "/", {}, "v2", id="method"),
        pytest.param({"authority": {"prefix": "tow"}}, "/", {}, "v2", id="authority"),
        pytest.param({"scheme": {"exact": "http"}}, "/", {}, "v2", id="scheme"),
        pytest.param({"port": 5000}, "/", {}, "v2", id="port"),
        pytest.param({"port": 81}, "/", {}, "v1", id="another port"),
        pytest.param({"sourceNamespace": "shop"}, "/", {}, "v2", id="the waypoint's namespace"),
        pytest.param({"sourceNamespace": "other"}, "/", {}, "v1", id="another namespace"),
        pytest.param({"sourceLabels": {"app": "client"}}, "/", {}, "v1", id="labels are unknown"),
        pytest.param({"gateways": ["gateway"]}, "/", {}, "v1", id="for a gateway"),
    ],
)
async def test_a_match_decides(town: Any, match: Object, path: str, headers: Any, instance: str) -> None:
    town.put(virtual_service({**V2, "match": [match]}, V1))
    await town.plane.settled()

    assert (await town.get("client", "hello", path, **headers)).instance == instance


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"namespace": "other", "hosts": ["hello.shop.svc.cluster.local"]}, id="a consumer's"),
        pytest.param({"gateways": ["gateway"]}, id="for a gateway"),
        pytest.param({"hosts": ["hello.shop"]}, id="a name with a dot is not completed"),
        pytest.param({"hosts": ["*"]}, id="a wildcard"),
    ],
)
async def test_some_virtual_services_are_not_for_the_waypoint(town: Any, odd: Object) -> None:
    town.put(virtual_service(to("hello-v1.shop.svc.cluster.local"), name="a", **odd))
    town.put(virtual_service(V2, name="b"))
    await town.plane.settled()

    assert (await town.get("client", "hello")).instance == "v2"


async def test_without_a_match_nothing_is_found(town: Any) -> None:
    town.put(virtual_service({**V1, "match": [{"uri": {"prefix": "/only"}}]}))
    await town.plane.settled()

    answer = await town.get("client", "hello", "/else")

    assert (answer.status, answer.body) == (404, "")


async def test_several_virtual_services_are_one_list(town: Any) -> None:
    town.put(virtual_service({**V1, "match": [{"uri": {"prefix": "/one"}}]}, name="b"))
    town.put(virtual_service({**V2, "match": [{"uri": {"prefix": "/"}}]}, name="c"))
    await town.plane.settled()

    assert (await town.get("client", "hello", "/one")).instance == "v1"
    assert (await town.get("client", "hello", "/two")).instance == "v2"


async def test_routes_of_the_gateway_api_come_first(town: Any) -> None:
    parent = {"group": "", "kind": "Service", "name": "hello"}
    backend = {"kind": "Service", "name": "hello-v2", "port": 5000, "weight": 1}
    meta = {"name": "hello", "namespace": "shop", "creationTimestamp": "2026-02-01T00:00:00Z"}
    rules = [{"backendRefs": [backend], "matches": [{"path": {"type": "PathPrefix", "value": "/two"}}]}]
    town.put({"kind": "HTTPRoute", "metadata": meta, "spec": {"parentRefs": [parent], "rules": rules}})
    town.put(virtual_service(V1))
    await town.plane.settled()

    assert (await town.get("client", "hello", "/two")).instance == "v2"
    assert (await town.get("client", "hello", "/one")).instance == "v1"


@pytest.mark.parametrize(
    "destination",
    [
        pytest.param({"host": "missing"}, id="no such host"),
        pytest.param({"host": "hello", "subset": "v9"}, id="no such subset"),
        pytest.param({"host": "hello", "port": {"number": 81}}, id="no such port"),
    ],
)
async def test_a_destination_that_does_not_exist_is_unavailable(town: Any, destination: Object) -> None:
    town.put(virtual_service({"route": [{"destination": destination}]}))
    await town.plane.settled()

    answer = await town.get("client", "hello")

    assert (answer.status, answer.body) == (503, "")


async def test_headers_are_changed_for_all_and_for_one_destination(town: Any) -> None:
    every = {
        "request": {"set": {"x-a": "rule"}, "remove": ["x-gone"]},
        "response": {"add": {"x-answer": "rule"}, "set": {"server": "mine"}},
    }
    one = {"request": {"add": {"x-b": "destination"}, "set": {"host": "new.example"}}}
    town.put(
        virtual_service({"route": [{"destination": {"host": "hello-v1"}, "headers": one}], "headers": every})
    )
    await town.plane.settled()

    answer = await town.get("client", "hello", x_a="client", x_gone="here")

    assert (answer.request["x-a"], answer.request["x-b"]) == ("rule", "destination")
    assert answer.request["host"] == "new.example"
    assert "x-gone" not in answer.request
    assert answer.headers["x-answer"] == "rule"


@pytest.mark.parametrize(
    ("uri", "rewrite", "path", "seen"),
    [
        pytest.param({"prefix": "/old"}, {"uri": "/new"}, "/old/a", "/new/a", id="prefix"),
        pytest.param({"prefix": "/old/"}, {"uri": "/"}, "/old/a", "/a", id="a slash for a slash"),
        pytest.param({"exact": "/old"}, {"uri": "/new"}, "/old?a=1", "/new?a=1", id="exact"),
        pytest.param(
            {"regex": "/o.*"}, {"uri": "/new"}, "/old/a", "/new", id="all that an expression matches"
        ),
        pytest.param(
            {"prefix": "/"},
            {"uriRegexRewrite": {"match": "/v([0-9]+)/(.*)", "rewrite": "/\\2/\\1"}},
            "/v7/a",
            "/a/7",
            id="by expression",
        ),
    ],
)
async def test_a_path_is_rewritten(town: Any, uri: Object, rewrite: Object, path: str, seen: str) -> None:
    rewrite = {"authority": "new.example", **rewrite}
    town.put(virtual_service({**V1, "match": [{"uri": uri}], "rewrite": rewrite}))
    await town.plane.settled()

    answer = await town.get("client", "hello", path)

    assert (answer.path, answer.request["host"]) == (seen, "new.example")


@pytest.mark.parametrize(
    ("redirect", "status", "location"),
    [
        pytest.param({"uri": "/there"}, 301, "http://town/there?q=1", id="path"),
        pytest.param(
            {"authority": "a.example", "redirectCode": 302}, 302, "http://a.example/here?q=1", id="host"
        ),
        pytest.param({"uri": "%PREFIX()%/there"}, 301, "http://town/there?q=1", id="the matched prefix"),
        pytest.param(
            {"scheme": "https", "port": 443}, 301, "https://town:443/here?q=1", id="scheme and port"
        ),
        pytest.param({"derivePort": "FROM_REQUEST_PORT"}, 301, "http://town:5000/here?q=1", id="same port"),
    ],
)
async def test_a_redirect_names_the_new_place(
    town: Any, redirect: Object, status: int, location: str
) -> None:
    town.put(virtual_service({"match": [{"uri": {"prefix": "/here"}}], "redirect": redirect}))
    await town.plane.settled()

    answer = await town.get("client", "hello", "/here?q=1")

    assert (answer.status, answer.headers["location"]) == (status, location)


async def test_an_answer_needs_no_destination(town: Any) -> None:
    town.put(virtual_service({"directResponse": {"status": 418, "body": {"string": "short and stout"}}}))
    await town.plane.settled()

    answer = await town.get("client", "hello")

    assert (answer.status, answer.body) == (418, "short and stout")


async def test_a_fault_aborts_requests(town: Any) -> None:
    abort = {"httpStatus": 555, "percentage": {"value": 100}}
    town.put(virtual_service({**V1, "fault": {"abort": abort}}))
    await town.plane.settled()

    answer = await town.get("client", "hello")

    assert (answer.status, answer.body) == (555, "fault filter abort")


async def test_a_fault_concerns_its_share_of_requests(town: Any) -> None:
    abort = {"httpStatus": 503, "percentage": {"value": 30}}
    town.put(virtual_service({**V1, "fault": {"abort": abort}}))
    await town.plane.settled()

    found = Counter([(await town.get("client", "hello")).status for _ in range(200)])

    assert 30 <= found[503] <= 95, found


async def test_a_fault_delays_requests(town: Any) -> None:
    delay = {"fixedDelay": "0.2s", "percentage": {"value": 100}}
    town.put(virtual_service({**V1, "match": [{"uri": {"prefix": "/late"}}], "fault": {"delay": delay}}, V1))
    await town.plane.settled()
    begun = time.monotonic()

    assert (await town.get("client", "hello", "/late")).status == 200
    assert (
        time.monotonic() - begun >= 0.19
    )  # Envoy's timers count from when its loop last looked at the clock


async def test_a_slow_answer_times_out(town: Any) -> None:
    town.put(virtual_service({**V1, "timeout": "0.05s"}))
    await town.plane.settled()

    answer = await town.get("client", "hello", "/slow")

    assert (answer.status, answer.body) == (504, "upstream request timeout")


@pytest.mark.parametrize(
    ("retries", "tries"),
    [
        pytest.param({"attempts": 3, "retryOn": "5xx"}, 4, id="so often"),
        pytest.param({"attempts": 2, "retryOn": "503"}, 3, id="on a code"),
        pytest.param({"attempts": 2, "retryOn": "gateway-error,404"}, 3, id="on several"),
        pytest.param({"attempts": 2, "retryOn": "404"}, 1, id="not on another code"),
        pytest.param({"attempts": 0}, 1, id="never"),
        pytest.param(None, 1, id="by default not on a code"),
    ],
)
async def test_a_request_is_tried_again(town: Any, retries: Object | None, tries: int) -> None:
    town.put(virtual_service({**V1, **({} if retries is None else {"retries": retries})}))
    await town.plane.settled()
    before = len(town.seen["v1"])

    answer = await town.get("client", "hello", "/status/503")

    assert (answer.status, len(town.seen["v1"]) - before) == (503, tries)


async def test_each_try_has_its_time(town: Any) -> None:
    town.put(virtual_service({**V1, "retries": {"attempts": 1, "perTryTimeout": "50ms", "retryOn": "5xx"}}))
    await town.plane.settled()
    before = len(town.seen["v1"])

    answer = await town.get("client", "hello", "/slow")

    assert (answer.status, len(town.seen["v1"]) - before) == (504, 2)


@pytest.mark.parametrize(
    "mirror",
    [
        pytest.param({"mirror": {"host": "hello-v2"}}, id="one"),
        pytest.param(
            {"mirror": {"host": "hello-v2"}, "mirrorPercentage": {"value": 100}}, id="one with a share"
        ),
        pytest.param(
            {"mirrors": [{"destination": {"host": "hello-v2"}, "percentage": {"value": 100}}]}, id="a list"
        ),
    ],
)
async def test_requests_are_mirrored(town: Any, mirror: Object) -> None:
    town.put(virtual_service({**V1, **mirror}))
    await town.plane.settled()
    before = len(town.seen["v2"])

    assert (await town.get("client", "hello", "/copied")).instance == "v1"

    async def copied() -> bool:
        return len(town.seen["v2"]) == before + 1

    await town.until(copied)


async def test_no_share_is_mirrored(town: Any) -> None:
    town.put(virtual_service({**V1, "mirror": {"host": "hello-v2"}, "mirrorPercentage": {"value": 0}}))
    await town.plane.settled()
    before = len(town.seen["v2"])

    await asyncio.gather(*(town.get("client", "hello", "/copied") for _ in range(20)))

    assert len(town.seen["v2"]) == before


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("https://a.example", True), ("https://b.shop.example", True), ("https://evil.example", False)],
)
async def test_an_origin_is_allowed_by_cors(town: Any, origin: str, allowed: bool) -> None:
    origins = [{"exact": "https://a.example"}, {"regex": "https://.*\\.shop\\.example"}]
    town.put(virtual_service({**V1, "corsPolicy": {"allowOrigins": origins, "maxAge": "24h"}}))
    await town.plane.settled()

    answer = await town.get("client", "hello", origin=origin)

    assert (answer.headers.get("access-control-allow-origin") == origin) is allowed


@pytest.mark.parametrize(
    ("routes", "operation"),
    [
        pytest.param(
            [{"destination": {"host": "hello-v1"}}], "hello-v1.shop.svc.cluster.local:5000/a*", id="one"
        ),
        pytest.param(
            [
                {"destination": {"host": "hello-v1"}, "weight": 50},
                {"destination": {"host": "hello-v2"}, "weight": 50},
            ],
            "hello:5000/a*",
            id="several",
        ),
    ],
)
async def test_responses_tell_the_operation(town: Any, routes: list[Object], operation: str) -> None:
    town.put(virtual_service({"match": [{"uri": {"prefix": "/a"}}], "route": routes}))
    await town.plane.settled()

    assert (await town.get("client", "hello", "/a")).headers["x-envoy-decorator-operation"] == operation
