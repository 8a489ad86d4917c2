from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

Object = dict[str, Any]
KINDS = ("virtualservices.networking.istio.io", "destinationrules.networking.istio.io")
SUBSETS = [{"name": name, "labels": {"app": name}} for name in ("v1", "v2")]


def destination_rule(
    policy: Object | None = None, *, name: str = "hello", namespace: str = "shop", **spec: Any
) -> Object:
    meta = {"name": name, "namespace": namespace, "creationTimestamp": "2026-01-01T00:00:00Z"}
    spec = {"host": "hello.shop.svc.cluster.local", "trafficPolicy": policy or {}, **spec}
    return {"kind": "DestinationRule", "metadata": meta, "spec": spec}


def virtual_service(*http: Object) -> Object:
    meta = {"name": "hello", "namespace": "shop"}
    return {"kind": "VirtualService", "metadata": meta, "spec": {"hosts": ["hello"], "http": list(http)}}


def to(subset: str, **more: Any) -> Object:
    return {"route": [{"destination": {"host": "hello", "subset": subset}}], **more}


ALL = {"route": [{"destination": {"host": "hello"}}], "retries": {"attempts": 0}}


@pytest.fixture
def town(shared_town: Any) -> Iterator[Any]:
    yield shared_town
    for kind in KINDS:
        for stored in shared_town.store.objects(kind):
            shared_town.store.delete(stored.key)


async def instances(town: Any, count: int = 12, **headers: str) -> set[str]:
    return {(await town.get("client", "hello", **headers)).instance for _ in range(count)}


async def test_a_subset_is_the_pods_with_its_labels(town: Any) -> None:
    town.put(destination_rule(subsets=SUBSETS), virtual_service(to("v2")))
    await town.plane.settled()

    assert await instances(town) == {"v2"}


async def test_a_subset_without_pods_has_nobody_to_answer(town: Any) -> None:
    subsets = [{"name": "v3", "labels": {"app": "v3"}}]
    town.put(destination_rule(subsets=subsets), virtual_service(to("v3")))
    await town.plane.settled()

    answer = await town.get("client", "hello")

    assert (answer.status, answer.body) == (503, "no healthy upstream")


async def test_subsets_share_the_requests_out(town: Any) -> None:
    routes = [
        {"destination": {"host": "hello", "subset": subset}, "weight": weight}
        for subset, weight in (("v1", 10), ("v2", 90))
    ]
    town.put(destination_rule(subsets=SUBSETS), virtual_service({"route": routes}))
    await town.plane.settled()

    found = Counter([(await town.get("client", "hello")).instance for _ in range(200)])

    assert 5 <= found["v1"] <= 45, found


@pytest.mark.parametrize(
    ("seen", "rule"),
    [
        pytest.param(True, {"namespace": "istio-system"}, id="the root namespace's"),
        pytest.param(False, {"namespace": "other"}, id="a consumer's"),
        pytest.param(False, {"namespace": "istio-system", "exportTo": ["."]}, id="not exported"),
        pytest.param(True, {"host": "*.shop.svc.cluster.local"}, id="a wildcard's"),
        pytest.param(False, {"workloadSelector": {"matchLabels": {"a": "b"}}}, id="for some clients"),
    ],
)
async def test_a_waypoint_sees_some_destination_rules(town: Any, seen: bool, rule: Object) -> None:
    town.put(destination_rule(subsets=SUBSETS, **rule), virtual_service(to("v1")))
    await town.plane.settled()

    assert (await town.get("client", "hello")).status == (200 if seen else 503)


@pytest.mark.parametrize("simple", ["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "PASSTHROUGH", "UNSPECIFIED"])
async def test_requests_are_spread(town: Any, simple: str) -> None:
    town.put(destination_rule({"loadBalancer": {"simple": simple}}))
    await town.plane.settled()

    assert await instances(town, 30) == {"v1", "v2"}


async def test_round_robin_takes_turns(town: Any) -> None:
    town.put(destination_rule({"loadBalancer": {"simple": "ROUND_ROBIN"}}))
    await town.plane.settled()

    found = [(await town.get("client", "hello")).instance for _ in range(10)]

    assert Counter(found) == {"v1": 5, "v2": 5}


@pytest.mark.parametrize(
    ("hashed", "path", "headers"),
    [
        pytest.param({"httpHeaderName": "x-user"}, "/", {"x_user": "{}"}, id="header"),
        pytest.param({"httpCookie": {"name": "user", "ttl": "0s"}}, "/", {"cookie": "user={}"}, id="cookie"),
        pytest.param({"httpQueryParameterName": "user"}, "/?user={}", {}, id="query parameter"),
        pytest.param({"httpHeaderName": "x-user", "maglev": {}}, "/", {"x_user": "{}"}, id="maglev"),
    ],
)
async def test_equal_requests_go_to_the_same_pod(
    town: Any, hashed: Object, path: str, headers: dict[str, str]
) -> None:
    town.put(destination_rule({"loadBalancer": {"consistentHash": hashed}}), virtual_service(ALL))
    await town.plane.settled()

    async def pods(user: str) -> set[str]:
        filled = {name: value.format(user) for name, value in headers.items()}
        return {(await town.get("client", "hello", path.format(user), **filled)).instance for _ in range(5)}

    found = [await pods(f"user-{number}") for number in range(12)]

    assert {len(same) for same in found} == {1}
    assert set().union(*found) == {"v1", "v2"}


async def test_one_client_stays_with_one_pod(town: Any) -> None:
    town.put(destination_rule({"loadBalancer": {"consistentHash": {"useSourceIp": True}}}))
    town.put(virtual_service(ALL))
    await town.plane.settled()

    assert len(await instances(town)) == 1


async def test_without_a_route_nothing_is_hashed(town: Any) -> None:
    town.put(destination_rule({"loadBalancer": {"consistentHash": {"httpHeaderName": "x-user"}}}))
    await town.plane.settled()

    assert await instances(town, 30, x_user="same") == {"v1", "v2"}


@contextlib.asynccontextmanager
async def unanswered(town: Any, count: int) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """So many requests at once that the application never answers."""
    tasks = [asyncio.ensure_future(town.get("client", "hello", "/slow")) for _ in range(count)]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(
    "pool",
    [
        pytest.param(
            {"tcp": {"maxConnections": 1}, "http": {"http1MaxPendingRequests": 1}}, id="pending requests"
        ),
        pytest.param({"http": {"http2MaxRequests": 1}}, id="requests"),
    ],
)
async def test_a_circuit_breaks(town: Any, pool: Object) -> None:
    town.put(destination_rule({"connectionPool": pool}, subsets=SUBSETS))
    town.put(virtual_service(to("v1", retries={"attempts": 0})))
    await town.plane.settled()

    async with unanswered(town, 3) as tasks:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        answer = done.pop().result()

    assert answer.status == 503
    assert answer.headers["x-envoy-overloaded"] == "true"
    assert answer.body.startswith(
        "upstream connect error or disconnect/reset before headers. reset reason: over"
    )


async def test_a_port_may_have_a_policy_of_its_own(town: Any) -> None:
    strict = {"http": {"http2MaxRequests": 1}}
    policy = {
        "connectionPool": strict,
        "portLevelSettings": [{"port": {"number": 5000}, "loadBalancer": {"simple": "RANDOM"}}],
    }
    town.put(destination_rule(policy, subsets=SUBSETS), virtual_service(to("v1")))
    await town.plane.settled()
    before = len(town.seen["v1"])

    async def arrived() -> bool:
        return len(town.seen["v1"]) == before + 3

    async with unanswered(town, 3):
        await town.until(arrived)

        assert (await town.get("client", "hello")).status == 200


@pytest.mark.parametrize("counted", ["consecutive5xxErrors", "consecutiveGatewayErrors"])
async def test_pods_that_fail_are_ejected(town: Any, counted: str) -> None:
    outliers = {counted: 2, "interval": "0.1s", "baseEjectionTime": "60s", "maxEjectionPercent": 100}
    town.put(destination_rule({"outlierDetection": outliers}), virtual_service(ALL))
    await town.plane.settled()

    async def ejected() -> bool:
        return (await town.get("client", "hello", "/status/503")).body == "no healthy upstream"

    await town.until(ejected)

    assert (await town.get("client", "hello")).status == 503


async def test_the_other_pods_go_on(town: Any) -> None:
    outliers = {"consecutive5xxErrors": 1, "baseEjectionTime": "60s", "maxEjectionPercent": 50}
    town.put(destination_rule({"outlierDetection": outliers}), virtual_service(ALL))
    await town.plane.settled()
    failed = (await town.get("client", "hello", "/status/500")).instance

    async def ejected() -> bool:
        return failed not in await instances(town, 8)

    await town.until(ejected)

    assert await instances(town, 20) == {"v1", "v2"} - {failed}
