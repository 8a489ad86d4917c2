from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="module")

Object = dict[str, Any]
KINDS = (
    "tlsroutes.gateway.networking.k8s.io",
    "tcproutes.gateway.networking.k8s.io",
    "virtualservices.networking.istio.io",
    "destinationrules.networking.istio.io",
)


class Greeter(asyncio.Protocol):
    """Says who it is and nothing else, before it is asked."""

    def __init__(self, name: str) -> None:
        self.name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self.name.encode())
        transport.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def greeting_town(shared_town: Any) -> AsyncIterator[Any]:
    def listen(name: str) -> None:
        shared_town.fabric.listen(shared_town.ips[name], 9000, lambda: Greeter(name))

    for name in ("v1", "v2"):
        listen(name)
    port = {"name": "tcp", "port": 9000}
    shared_town.service("talk", "v1", "v2", port=port, target=9000, **{"istio.io/use-waypoint": "waypoint"})
    shared_town.service("talk-v1", "v1", port=port, target=9000)
    shared_town.service("talk-v2", "v2", port=port, target=9000)
    shared_town.plane.alpha = True
    yield shared_town


@pytest.fixture
def town(greeting_town: Any) -> Iterator[Any]:
    yield greeting_town
    greeting_town.plane.alpha = True
    for kind in KINDS:
        for stored in greeting_town.store.objects(kind):
            greeting_town.store.delete(stored.key)


def route(kind: str, *backends: tuple[str, int], created: str = "2026-01-01", **parent: Any) -> Object:
    refs = [{"kind": "Service", "name": name, "port": 9000, "weight": weight} for name, weight in backends]
    meta = {"name": "talk", "namespace": "shop", "creationTimestamp": created}
    parents = [{"group": "", "kind": "Service", "name": "talk", **parent}]
    return {"kind": kind, "metadata": meta, "spec": {"parentRefs": parents, "rules": [{"backendRefs": refs}]}}


def virtual_service(**spec: Any) -> Object:
    meta = {"name": "talk", "namespace": "shop"}
    return {"kind": "VirtualService", "metadata": meta, "spec": {"hosts": ["talk"], **spec}}


async def greeting(town: Any) -> str:
    sock = await town.fabric.dial(town.ips["client"], town.vips["talk"], 9000)
    reader, writer = await asyncio.open_connection(sock=sock)
    try:
        return (await reader.read()).decode()
    except ConnectionResetError:
        return "reset"
    finally:
        writer.close()


async def greetings(town: Any, count: int = 12) -> set[str]:
    await town.plane.settled()
    return {await greeting(town) for _ in range(count)}


async def test_without_a_route_connections_are_spread(town: Any) -> None:
    assert await greetings(town, 30) == {"v1", "v2"}


@pytest.mark.parametrize("kind", ["TCPRoute", "TLSRoute"])
async def test_a_route_leads_connections(town: Any, kind: str) -> None:
    town.put(route(kind, ("talk-v2", 1)))

    assert await greetings(town) == {"v2"}


@pytest.mark.parametrize("kind", ["TCPRoute", "TLSRoute"])
async def test_weights_share_the_connections_out(town: Any, kind: str) -> None:
    town.put(route(kind, ("talk-v1", 80), ("talk-v2", 20)))
    await town.plane.settled()

    found = Counter([await greeting(town) for _ in range(200)])

    assert 15 <= found["v2"] <= 65, found


async def test_a_tls_route_goes_before_a_tcp_route(town: Any) -> None:
    town.put(route("TCPRoute", ("talk-v1", 1), created="2025-01-01"), route("TLSRoute", ("talk-v2", 1)))

    assert await greetings(town) == {"v2"}


@pytest.mark.parametrize(
    "backends",
    [
        pytest.param([("talk-v1", 0)], id="only zero weights"),
        pytest.param([("missing", 1)], id="a backend that does not exist"),
        pytest.param([], id="no backend"),
    ],
)
async def test_what_leads_nowhere_is_broken_off(town: Any, backends: list[tuple[str, int]]) -> None:
    town.put(route("TCPRoute", *backends))

    assert await greetings(town, 3) <= {"", "reset"}


async def test_a_route_for_another_port_has_no_effect(town: Any) -> None:
    town.put(route("TCPRoute", ("talk-v2", 1), port=9001))

    assert await greetings(town, 30) == {"v1", "v2"}


async def test_a_tcp_route_counts_only_where_istiod_is_told_so(town: Any) -> None:
    town.plane.alpha = False
    town.put(route("TCPRoute", ("talk-v2", 1)))

    assert await greetings(town, 30) == {"v1", "v2"}


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"tcp": [{"route": [{"destination": {"host": "talk-v2"}}]}]}, id="tcp"),
        pytest.param(
            {
                "tls": [
                    {
                        "match": [{"sniHosts": ["a.example"], "port": 9000}],
                        "route": [{"destination": {"host": "talk-v2"}}],
                    }
                ]
            },
            id="tls",
        ),
        pytest.param(
            {
                "tcp": [
                    {"match": [{"port": 9001}], "route": [{"destination": {"host": "talk-v1"}}]},
                    {"match": [{"port": 9000}], "route": [{"destination": {"host": "talk-v2"}}]},
                ]
            },
            id="by port",
        ),
    ],
)
async def test_a_virtual_service_leads_connections(town: Any, spec: Object) -> None:
    town.put(virtual_service(**spec))

    assert await greetings(town) == {"v2"}


async def test_a_virtual_service_leads_connections_to_a_subset(town: Any) -> None:
    rule = {"host": "talk", "subsets": [{"name": "two", "labels": {"app": "v2"}}]}
    town.put({"kind": "DestinationRule", "metadata": {"name": "talk", "namespace": "shop"}, "spec": rule})
    town.put(virtual_service(tcp=[{"route": [{"destination": {"host": "talk", "subset": "two"}}]}]))

    assert await greetings(town) == {"v2"}
