"""Requests followed through a small town with a real Envoy."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.istio.trace.report import Trace
from pocketmesh.istio.trace.sent import Request
from pocketmesh.istio.trace.tracer import trace

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def followed(town: Any, client: str, url: str, **more: Any) -> Trace:
    return await trace(town.plane, town.container(client), Request(url, **more))


def stations(found: Trace) -> list[str]:
    return [at for at, _ in found.stations()]


def did(found: Trace, at: str) -> list[str]:
    return [hop.did for hop in found.hops if hop.at.startswith(at)]


async def test_a_request_through_a_waypoint_comes_by_five_stations(shared_town) -> None:
    found = await followed(shared_town, "client", "http://hello:5000/")
    end = stations(found)[-1]
    assert stations(found) == [
        "Pod shop/client",
        "ztunnel of Pod shop/client",
        "waypoint shop/waypoint",
        f"ztunnel of {end}",
        end,
    ]
    assert end in {"Pod shop/v1", "Pod shop/v2"}
    assert found.fine


async def test_a_service_without_waypoint_is_reached_directly(shared_town) -> None:
    found = await followed(shared_town, "client", "http://hello-v1:5000/")
    assert "waypoint shop/waypoint" not in stations(found)
    assert found.hops[-1].did == "answers 200"


async def test_a_name_that_nobody_has_ends_at_the_client(shared_town) -> None:
    found = await followed(shared_town, "client", "http://nowhere:5000/")
    assert stations(found) == ["Pod shop/client"]
    assert found.outcome == "curl: (6) Could not resolve host: nowhere"


async def test_a_request_that_is_denied_ends_at_the_waypoint(shared_town) -> None:
    town = shared_town
    policy = {
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "no-get", "namespace": "shop"},
        "spec": {
            "action": "DENY",
            "targetRefs": [{"kind": "Service", "group": "", "name": "hello"}],
            "rules": [{"to": [{"operation": {"methods": ["GET"]}}]}],
        },
    }
    town.put(policy)
    await town.plane.settled()
    try:
        found = await followed(town, "client", "http://hello:5000/")
    finally:
        town.drop("AuthorizationPolicy", "no-get")
        await town.plane.settled()
    assert found.hops[-1].because == "AuthorizationPolicy shop/no-get, rule 0"
    assert found.outcome.startswith("HTTP 403")


async def test_the_headers_and_the_method_are_sent(shared_town) -> None:
    town = shared_town
    found = await followed(
        town, "client", "http://hello-v2:5000/x", method="PUT", headers=("end-user: jason",)
    )
    head = town.seen["v2"][-1]
    assert head.startswith(b"PUT /x ")
    assert b"end-user: jason" in head
    assert found.request == "PUT http://hello-v2:5000/x"


@pytest.mark.parametrize("url", ["hello", "ftp://hello/", "http://"])
async def test_what_is_no_url_is_refused(shared_town, url: str) -> None:
    with pytest.raises(ValueError, match="not an http or https URL"):
        await followed(shared_town, "client", url)
