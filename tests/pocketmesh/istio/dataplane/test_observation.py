"""What the data plane tells an observer, with a real Envoy."""

from __future__ import annotations

import pytest

from pocketmesh.istio.mesh.decide import Path
from pocketmesh.istio.observation import Passage
from pocketmesh.net.interception import Connection

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Notes:
    def __init__(self) -> None:
        self.ways: list[Path] = []
        self.arrivals: list[Connection] = []
        self.passages: list[Passage] = []

    def captured(self, way: Path) -> None:
        self.ways.append(way)

    def arrived(self, connection: Connection) -> None:
        self.arrivals.append(connection)

    def passed(self, passage: Passage) -> None:
        self.passages.append(passage)


async def test_a_request_through_a_waypoint_is_told_with_its_route_and_its_endpoint(shared_town) -> None:
    town, notes = shared_town, Notes()

    async def told() -> bool:
        return bool(notes.passages)

    with town.plane.observed(notes):
        await town.get("client", "hello", "/here?x=1", x_request_id="abc")
        await town.until(told)
    record = notes.passages[0].record
    assert (record.request_id, record.method, record.path, record.code) == ("abc", "GET", "/here?x=1", 200)
    assert (record.route, record.details) == ("default", "via_upstream")
    assert record.upstream in {f"{town.ips['v1']}:5000", f"{town.ips['v2']}:5000"}
    assert record.dialled == f"{town.vips['hello']}:5000"
    assert record.identity == "spiffe://cluster.local/ns/shop/sa/client-account"


async def test_the_connection_it_came_in_is_told_with_the_same_source(shared_town) -> None:
    town, notes = shared_town, Notes()

    async def told() -> bool:
        return bool(notes.passages)

    with town.plane.observed(notes):
        await town.get("client", "hello")
        await town.until(told)
    connection = notes.ways[0].connection
    assert notes.passages[0].record.source == f"{connection.source_ip}:{connection.source_port}"


async def test_a_plain_connection_is_told_where_it_arrives(shared_town) -> None:
    town, notes = shared_town, Notes()
    with town.plane.observed(notes):
        await town.get("outsider", "hello-v1")
    assert [(it.source_ip, it.ip, it.port) for it in notes.arrivals] == [
        (town.ips["outsider"], town.ips["v1"], 5000)
    ]
