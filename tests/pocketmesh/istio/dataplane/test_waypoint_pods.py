from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import Any

import pytest

from pocketmesh.convergence import converge
from pocketmesh.store import Key

Object = dict[str, Any]


@pytest.fixture
async def town(town: Any) -> Any:
    for name in ("client", "server"):
        town.pod(name)
    return town


async def test_an_envoy_that_is_killed_ends_its_container(town: Any) -> None:
    await town.waypoint()
    agent = town.agents["waypoint-1"]

    os.kill(await pid_of_envoy(town), signal.SIGKILL)

    assert await asyncio.wait_for(agent, 10) != 0


async def test_a_stopped_waypoint_leaves_nothing_behind(town: Any) -> None:
    await town.waypoint()
    pid = await pid_of_envoy(town)

    agent = town.agents["waypoint-1"]
    agent.cancel()
    await asyncio.wait([agent])

    assert not os.path.exists(f"/proc/{pid}")  # noqa: ASYNC240 - procfs answers at once
    with pytest.raises(ConnectionRefusedError):
        await town.fabric.dial("10.244.0.1", town.ips["waypoint-1"], 15021)


async def test_a_configuration_that_envoy_rejects_is_reported_and_not_taken(town: Any) -> None:
    town.service("hello", "server", **{"istio.io/use-waypoint": "waypoint"})
    await town.waypoint()
    bad = {"path": {"type": "RegularExpression", "value": "(("}}
    town.put(
        {
            "kind": "HTTPRoute",
            "metadata": {"name": "bad", "namespace": "shop"},
            "spec": {
                "parentRefs": [{"group": "", "kind": "Service", "name": "hello"}],
                "rules": [{"matches": [bad], "backendRefs": [{"name": "hello", "port": 5000}]}],
            },
        }
    )

    await town.plane.settled()

    log = b"".join(line.data for line in town.logs["waypoint-1"].lines()).decode()
    assert "configuration rejected, the old one stays: rds/inbound-vip|5000|http|hello" in log
    assert (await town.get("client", "hello")).status == 200


async def test_a_service_bound_later_is_served_too(town: Any) -> None:
    await town.waypoint()
    town.service("hello", "server", **{"istio.io/use-waypoint": "waypoint"})
    await town.plane.settled()

    assert (await town.get("client", "hello")).headers["server"] == "istio-envoy"

    town.service("hello", "server")
    assert "server" not in (await town.get("client", "hello")).headers


async def test_a_connection_waits_for_an_envoy_that_has_not_heard_of_its_service(town: Any) -> None:
    await town.waypoint()
    town.service("hello", "server", **{"istio.io/use-waypoint": "waypoint"})

    assert (await town.get("client", "hello")).headers["server"] == "istio-envoy"


async def test_the_mesh_is_behind_until_every_envoy_goes_by_it(town: Any) -> None:
    town.service("hello", "server", **{"istio.io/use-waypoint": "waypoint"})
    await town.waypoint()
    await converge([town.runtime, town.plane])
    town.put(header("x-changed", "yes"))

    assert list(town.plane.behind())
    assert await converge([town.runtime, town.plane]) == []
    assert (await town.get("client", "hello")).headers["x-changed"] == "yes"


async def test_a_proxy_is_behind_until_its_pod_is_said_to_be_ready(town: Any) -> None:
    await town.waypoint()
    await converge([town.runtime, town.plane])
    pod = town.store.get(Key("pods", "shop", "waypoint-1")).object
    town.put({**pod, "status": {**pod["status"], "conditions": [{"type": "Ready", "status": "False"}]}})
    await town.runtime.settled()
    await town.plane.settled()

    assert list(town.plane.behind()) == ["data plane: proxy shop/waypoint-1"]
    town.put(pod)
    assert await converge([town.runtime, town.plane]) == []


def header(name: str, value: str) -> Object:
    """A route that adds a header to the answers of hello."""
    change = {
        "type": "ResponseHeaderModifier",
        "responseHeaderModifier": {"set": [{"name": name, "value": value}]},
    }
    return {
        "kind": "HTTPRoute",
        "metadata": {"name": "header", "namespace": "shop"},
        "spec": {
            "parentRefs": [{"group": "", "kind": "Service", "name": "hello"}],
            "rules": [{"filters": [change], "backendRefs": [{"name": "hello", "port": 5000}]}],
        },
    }


async def test_endpoints_follow_the_pods(town: Any) -> None:
    town.pod("second")
    town.service("hello", "server", **{"istio.io/use-waypoint": "waypoint"})
    await town.waypoint()
    town.service("hello", "second", **{"istio.io/use-waypoint": "waypoint"})
    await town.plane.settled()

    assert {(await town.get("client", "hello")).instance for _ in range(5)} == {"second"}


@pytest.mark.parametrize(
    ("port", "is_http"),
    [
        pytest.param({"name": "http-web", "port": 5000}, True, id="http by name"),
        pytest.param({"name": "web", "port": 5000, "appProtocol": "http"}, True, id="http by appProtocol"),
        pytest.param({"name": "web", "port": 5000}, True, id="recognised by its first bytes"),
        pytest.param({"name": "tcp-web", "port": 5000}, False, id="tcp by name"),
    ],
)
async def test_a_port_is_treated_by_its_protocol(town: Any, port: Object, is_http: bool) -> None:
    town.service("hello", "server", port=port, **{"istio.io/use-waypoint": "waypoint"})
    await town.waypoint()

    answer = await town.get("client", "hello")

    assert answer.status == 200
    assert ("server" in answer.headers) is is_http


async def test_a_workload_waypoint_takes_what_is_addressed_to_pods(town: Any) -> None:
    ip = town.pod("bound", labels={"istio.io/use-waypoint": "waypoint"}, ports=[5000])
    await town.waypoint(kind="workload")

    answer = await town.request(town.ips["client"], ip, 5000, "/")

    assert answer.headers["server"] == "istio-envoy"


async def test_the_access_log_is_written_when_the_mesh_asks_for_it(town: Any) -> None:
    town.service("hello", "server", **{"istio.io/use-waypoint": "waypoint"})
    data = {"mesh": "accessLogFile: /dev/stdout\n"}
    town.put({"kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"}, "data": data})
    await town.waypoint()
    await town.plane.settled()

    await town.get("client", "hello")

    async def logged() -> bool:
        return bool(town.logs["waypoint-1"].lines())

    await town.until(logged, 15)
    (line,) = town.logs["waypoint-1"].lines()
    assert b'"GET /hello HTTP/1.1" 200 - via_upstream' in line.data
    cluster = b"inbound-vip|5000|http|hello.shop.svc.cluster.local"
    assert f'"envoy://connect_originate/{town.ips["server"]}:5000"'.encode() + b" " + cluster in line.data
    assert line.data.endswith(b" - default\n")


async def test_envoys_own_admin_interface_is_on_the_pod(town: Any) -> None:
    await town.waypoint()
    ip = town.ips["waypoint-1"]
    reader, writer = await asyncio.open_connection(sock=await town.fabric.dial("172.18.0.2", ip, 15000))
    writer.write(b"GET /config_dump HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    answer = await reader.read()

    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"BootstrapConfigDump" in answer


async def pid_of_envoy(town: Any) -> int:
    proxy = town.plane.proxies[town.ips["waypoint-1"]]
    stats = json.loads(await proxy.admin.get("/server_info"))
    assert stats["state"] == "LIVE"
    return int(proxy.pid)


async def test_the_agent_asks_envoys_admin_interface(town: Any) -> None:
    await town.waypoint()

    code, said = await town.agent("waypoint-1", "request", "GET", "stats?filter=^server.live$")

    assert (code, said) == (0, "server.live: 1\n")


async def test_a_waypoint_is_told_of_a_mesh_that_others_have_looked_at_before(town: Any) -> None:
    town.pod("other")
    bound = {"istio.io/use-waypoint": "waypoint"}
    town.service("hello", "server", **bound)
    looking = asyncio.create_task(look_at_the_mesh_always(town))
    try:
        await town.waypoint()

        town.service("hello", "other", **bound)

        await town.until(lambda: answered_by(town, "other"))
    finally:
        looking.cancel()


async def look_at_the_mesh_always(town: Any) -> None:
    """As a ztunnel with many connections does."""
    while town.plane.mesh:
        await asyncio.sleep(0)


async def answered_by(town: Any, name: str) -> bool:
    return bool((await town.get("client", "hello")).instance == name)
