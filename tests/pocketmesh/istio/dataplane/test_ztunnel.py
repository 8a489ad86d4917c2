from __future__ import annotations

import asyncio
from typing import Any

import pytest

Object = dict[str, Any]


def policy(name: str, *rules: Object, action: str = "ALLOW", **spec: Any) -> Object:
    return {
        "kind": "AuthorizationPolicy",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"action": action, "rules": list(rules), **spec},
    }


def from_account(name: str) -> Object:
    return {"from": [{"source": {"principals": [f"cluster.local/ns/shop/sa/{name}-account"]}}]}


def strict(namespace: str = "shop") -> Object:
    return {
        "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": namespace},
        "spec": {"mtls": {"mode": "STRICT"}},
    }


@pytest.fixture
def town(town: Any) -> Any:
    for name in ("client", "stranger", "server"):
        town.pod(name)
    town.pod("outsider", "other", enrolled=False)
    town.service("hello", "server")
    return town


async def test_pods_of_the_mesh_talk_through_a_tunnel(town: Any) -> None:
    assert (await town.get("client", "hello")).status == 200

    await town.until(lambda: seen(town, "outbound", "inbound"))
    (outbound,) = town.lines('direction="outbound"')
    (inbound,) = town.lines('direction="inbound"')
    for line in (outbound, inbound):
        assert "\tinfo\taccess\tconnection complete\tsrc.addr=" in line
        assert 'src.identity="spiffe://cluster.local/ns/shop/sa/client-account"' in line
        assert f"dst.addr={town.ips['server']}:15008 dst.hbone_addr={town.ips['server']}:5000" in line
        assert 'dst.service="hello.shop.svc.cluster.local" dst.workload="server" dst.namespace="shop"' in line
    assert number(outbound, "bytes_sent") == number(inbound, "bytes_recv") > 0
    assert number(outbound, "bytes_recv") == number(inbound, "bytes_sent") > 0


async def test_a_denied_client_is_reset_and_both_sides_say_why(town: Any) -> None:
    town.put(policy("only-client", from_account("client")))

    assert (await town.get("client", "hello")).status == 200
    with pytest.raises(ConnectionResetError):
        await town.get("stranger", "hello")

    reason = "connection closed due to policy rejection: allow policies exist, but none allowed"
    assert town.lines("\terror\t", 'direction="inbound"', f'error="{reason}"')
    assert town.lines("\terror\t", 'direction="outbound"', 'error="http status: 401 Unauthorized"')


async def test_a_client_that_waits_to_be_spoken_to_sees_the_end(town: Any) -> None:
    town.put(policy("nobody"))
    sock = await town.fabric.dial(town.ips["client"], town.vips["hello"], 5000)
    reader, writer = await asyncio.open_connection(sock=sock)

    assert await reader.read() == b""
    writer.close()


async def test_strict_resets_plain_text(town: Any) -> None:
    assert (await town.get("outsider", "hello")).status == 200
    town.put(strict())

    with pytest.raises(ConnectionResetError):
        await town.get("outsider", "hello")
    assert town.lines("explicitly denied by: istio-system/istio_converted_static_strict")


async def test_probes_of_the_node_pass_untouched(town: Any) -> None:
    town.put(strict(), policy("nobody"))

    assert (await town.request("172.18.0.2", town.ips["server"], 5000, "/")).status == 200


async def test_a_service_without_endpoints_accepts_and_resets(town: Any) -> None:
    town.service("hello")

    with pytest.raises(ConnectionResetError):
        await town.get("client", "hello")
    with pytest.raises(ConnectionRefusedError):
        await town.get("outsider", "hello")
    assert town.lines(f'error="no healthy upstream: {town.vips["hello"]}:5000"')


async def test_a_closed_port_resets(town: Any) -> None:
    town.service("hello", "server", target=9999)

    with pytest.raises(ConnectionResetError):
        await town.get("client", "hello")
    assert town.lines("Connection refused (os error 111)")


async def test_a_waypoint_without_ready_pods_fails_closed(town: Any) -> None:
    town.service("hello", "server", **{"istio.io/use-waypoint": "gone"})
    town.service("gone", port={"name": "mesh", "port": 15008})
    gateway = {"metadata": {"name": "gone", "namespace": "shop"}, "spec": {}}
    town.put({**gateway, "kind": "Gateway", "status": {"addresses": [{"value": town.vips["gone"]}]}})

    with pytest.raises(ConnectionResetError):
        await town.get("client", "hello")
    assert town.lines('error="unknown waypoint: gone.shop.svc.cluster.local"')


async def test_a_waypoint_that_never_was_is_ignored(town: Any) -> None:
    town.service("hello", "server", **{"istio.io/use-waypoint": "typo"})

    assert (await town.get("client", "hello")).status == 200


async def test_a_new_policy_ends_open_connections(town: Any) -> None:
    sock = await town.fabric.dial(town.ips["client"], town.vips["hello"], 5000)
    reader, writer = await asyncio.open_connection(sock=sock)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    await reader.readuntil(b"HTTP/1.1\r\n")

    town.put(policy("nobody"))
    await town.plane.settled()

    assert await reader.read() == b""
    writer.close()
    await town.until(lambda: logged(town, 'error="connection closed due to policy change"'))


async def test_without_ztunnel_enrolled_pods_are_cut_off(town: Any) -> None:
    town.plane.stop()

    with pytest.raises(ConnectionRefusedError):
        await town.get("client", "hello")
    with pytest.raises(ConnectionRefusedError):
        await town.get("outsider", "hello")


async def test_without_istiod_the_mesh_stays_as_it_was(town: Any) -> None:
    assert (await town.get("client", "hello")).status == 200
    town.runtime.remove(town.plane)
    town.put(policy("nobody"))

    assert (await town.get("client", "hello")).status == 200

    town.runtime.add(town.plane)
    with pytest.raises(ConnectionResetError):
        await town.get("client", "hello")


async def seen(town: Any, *directions: str) -> bool:
    return all(town.lines(f'direction="{direction}"') for direction in directions)


async def logged(town: Any, words: str) -> bool:
    return bool(town.lines(words))


def number(line: str, field: str) -> int:
    return int(line.partition(f"{field}=")[2].partition(" ")[0])


async def test_what_comes_in_by_a_node_port_is_traffic_like_any_other(town: Any) -> None:
    town.service("web", "server", port={"name": "http", "port": 80, "nodePort": 30080})
    assert (await town.request(town.ips["outsider"], "172.18.0.2", 30080, "/")).status == 200

    town.put(strict())

    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await town.request(town.ips["outsider"], "172.18.0.2", 30080, "/")


async def test_a_pod_of_the_mesh_reaches_a_node_port_in_plain_text(town: Any) -> None:
    town.service("web", "server", port={"name": "http", "port": 80, "nodePort": 30080})

    assert (await town.request(town.ips["client"], "172.18.0.2", 30080, "/")).status == 200

    async def logged() -> bool:
        return bool(town.lines('direction="inbound"'))

    await town.until(logged)
    (line,) = town.lines('direction="inbound"')
    assert "src.identity" not in line
