from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from pocketmesh.node.commands.calling import Caller, Request, Response
from pocketmesh.node.commands.http2 import Http2
from pocketmesh.node.commands.web import Call, Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

Object = dict[str, Any]
PORT = {"name": "grpc", "port": 7070}
CHEAP = {"headers": [{"name": "x-cheap", "value": "yes"}]}


async def describe(name: str, call: Call) -> Reply:
    """A gRPC method that answers with a trailer, and tells in headers what it was asked."""
    told = (("seen-by", name), ("seen-path", call.target), ("seen-tag", dict(call.headers).get("tag", "")))
    return Reply(
        headers=(("content-type", "application/grpc"), *told),
        body=b"\0\0\0\0\0",
        trailers=(("grpc-status", "0"),),
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def carts(shared_town: Any) -> AsyncIterator[Any]:
    """The Service `carts` behind the waypoint, whose pods are those of `carts-a` and `carts-b`."""
    for name in ("a", "b"):
        ip = shared_town.pod(f"cart-{name}", listening=False)
        shared_town.fabric.listen(ip, 7070, partial(Http2, partial(describe, name)))
        shared_town.service(f"carts-{name}", f"cart-{name}", port=PORT, target=7070)
    label = {"istio.io/use-waypoint": "waypoint"}
    shared_town.service("carts", "cart-a", "cart-b", port=PORT, target=7070, **label)
    shared_town.service("plain", "cart-a", port={"port": 7070}, target=7070, **label)
    yield shared_town


@pytest.fixture
def town(carts: Any) -> Iterator[Any]:
    yield carts
    for stored in carts.store.objects("grpcroutes.gateway.networking.k8s.io"):
        carts.store.delete(stored.key)


@pytest_asyncio.fixture(loop_scope="module")
async def call(town: Any) -> AsyncIterator[Callable[..., Any]]:
    """Calls a method as pod `client` does, on one connection."""
    caller = Caller(town.container("client"))

    async def call(method: str = "Cart/Add", service: str = "carts", **headers: str) -> Response:
        given = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        head = (("content-type", "application/grpc"), ("te", "trailers"), *given)
        url = f"http://{town.vips[service]}:7070/{method}"
        return await caller.call(Request(url, "POST", head, b"\0\0\0\0\0", http2=True))

    yield call
    caller.close()


def route(*rules: Object, service: str = "carts") -> Object:
    return {
        "kind": "GRPCRoute",
        "metadata": {"name": "r", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"parentRefs": [{"group": "", "kind": "Service", "name": service}], "rules": list(rules)},
    }


def to(*backends: tuple[str, int], **rule: Any) -> Object:
    refs = [{"kind": "Service", "name": name, "port": 7070, "weight": weight} for name, weight in backends]
    return {"backendRefs": refs, **rule}


@pytest.mark.parametrize("service", ["carts", "plain"])
async def test_without_a_route_calls_pass_with_their_trailers(town: Any, call: Any, service: str) -> None:
    await town.plane.settled()

    response = await call(service=service)

    assert response.value("grpc-status") == "0"
    assert response.value("server") == "istio-envoy"


async def test_each_call_on_a_connection_is_routed_by_weight(town: Any, call: Any) -> None:
    town.put(route(to(("carts-a", 70), ("carts-b", 30), ("missing", 0))))
    await town.plane.settled()

    found = Counter([(await call()).value("seen-by") for _ in range(300)])

    assert 50 <= found["b"] <= 140, found


async def test_methods_and_headers_choose_the_backend(town: Any, call: Any) -> None:
    town.put(
        route(
            to(("carts-a", 1)),
            to(("carts-b", 1), matches=[{"method": {"service": "Cart", "method": "Drop"}}, CHEAP]),
        )
    )
    await town.plane.settled()

    assert (await call("Cart/Add")).value("seen-by") == "a"
    assert (await call("Cart/Drop")).value("seen-by") == "b"
    assert (await call("Cart/Add", x_cheap="yes")).value("seen-by") == "b"


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        pytest.param(to(("carts-a", 1), matches=[{"method": {"service": "Other"}}]), "12", id="no match"),
        pytest.param(to(), "12", id="no backend"),
        pytest.param(to(("missing", 1)), "2", id="a backend that does not exist"),
        pytest.param(to(("none", 1)), "14", id="a backend without endpoints"),
    ],
)
async def test_what_fails_fails_with_a_grpc_code(town: Any, call: Any, rule: Object, code: str) -> None:
    town.service("none", port=PORT)
    town.put(route(rule))
    await town.plane.settled()

    response = await call()

    assert (response.status, response.value("grpc-status")) == (200, code)


async def test_headers_are_changed_by_the_rule_and_by_the_backend(town: Any, call: Any) -> None:
    def setting(name: str, kind: str) -> Object:
        changes = {"set": [{"name": name, "value": "new"}]}
        return {"type": f"{kind}HeaderModifier", f"{kind.lower()}HeaderModifier": changes}

    rule = to(("carts-a", 1), filters=[setting("x-rule", "Response")])
    rule["backendRefs"][0]["filters"] = [setting("tag", "Request")]
    town.put(route(rule))
    await town.plane.settled()

    response = await call(tag="old")

    assert (response.value("seen-tag"), response.value("x-rule")) == ("new", "new")
