"""The way of a request, from what was seen of its connection and of the proxies in between."""

from __future__ import annotations

from dataclasses import replace

from pocketmesh.istio.envoy.records import Record
from pocketmesh.istio.mesh.decide import Path
from pocketmesh.istio.mesh.model import Mesh, Workload
from pocketmesh.istio.observation import Passage
from pocketmesh.istio.trace.story import story
from pocketmesh.net.interception import Connection

WAYPOINT = Workload("shop", "w-1", "10.0.0.9", "w", {})
ANSWERED = Record(method="GET", details="via_upstream", code=200, upstream="10.0.0.1:80")
GIVEN_UP = replace(ANSWERED, details="response_timeout", code=504, flags="UT")


def told(record: Record) -> list[tuple[str, str]]:
    way = Path(Connection("10.0.0.5", 1, "10.0.0.9", 80))
    hops = story(Mesh(), way, [Passage(("shop", "w"), WAYPOINT, record)], lambda arrival: arrival)
    return [(hop.at.partition(" ")[0], hop.did.partition(" ")[0]) for hop in hops]


def test_who_waits_in_vain_is_the_last_station() -> None:
    assert told(ANSWERED)[0] == ("waypoint", "sends")
    assert told(GIVEN_UP)[0] == ("waypoint", "sends")
    assert told(GIVEN_UP)[-1] == ("waypoint", "gives")
    assert told(GIVEN_UP)[:-1] == told(ANSWERED)
