"""Traffic to services that are not Kubernetes', and to the world outside."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.node.network import NameNotFound

Object = dict[str, Any]
VIP = "240.240.0.1"


def entry(host: str = "httpbin.org", *, vip: str = VIP, labels: Object | None = None, **spec: Any) -> Object:
    """A ServiceEntry for a host with an allocated address, `web` by name."""
    ports = [{"number": 80, "name": "http", "protocol": "HTTP"}]
    return {
        "kind": "ServiceEntry",
        "metadata": {"name": "web", "namespace": "shop", "labels": labels or {}},
        "spec": {"hosts": [host], "ports": ports, "resolution": "DNS", **spec},
        "status": {"addresses": [{"value": vip, "host": host}]},
    }


async def logged(town: Any, *words: str) -> None:
    """Waits for a line of ztunnel's access log, which is written when the connection has ended."""

    async def written() -> bool:
        return bool(town.lines(*words))

    await town.until(written)


@pytest.mark.parametrize("enrolled", [True, False], ids=["enrolled", "plain"])
async def test_every_pod_reaches_the_world_outside(town: Any, enrolled: bool) -> None:
    town.pod("client", enrolled=enrolled)

    answer = await town.visit("client", "http://httpbin.org/get")

    assert answer.status == 200
    assert "server" not in answer.headers


async def test_ztunnel_leads_to_a_hosts_own_endpoint_and_names_the_host(town: Any) -> None:
    town.pod("client")
    town.put(entry())

    answer = await town.visit("client", "http://httpbin.org/get")

    assert answer.status == 200
    await logged(town, 'dst.service="httpbin.org"', "dst.addr=203.0.113.10:80")


async def test_a_plain_pod_knows_nothing_of_service_entries(town: Any) -> None:
    town.pod("client", enrolled=False)
    town.put(entry("only.in.mesh"))

    with pytest.raises(NameNotFound):
        await town.visit("client", "http://only.in.mesh/")
