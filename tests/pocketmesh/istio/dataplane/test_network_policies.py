"""NetworkPolicies below the mesh: they see port 15008 between enrolled pods, and the client's address."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from pocketmesh.istio.trace.sent import Request
from pocketmesh.istio.trace.tracer import trace
from pocketmesh.node.network import NameServerSilent

pytestmark = pytest.mark.asyncio(loop_scope="module")

Object = dict[str, Any]
TIMED_OUT = "connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008: deadline has elapsed"


@pytest.fixture
def town(shared_town: Any) -> Iterator[Any]:
    shared_town.seen.clear()
    yield shared_town
    for stored in shared_town.store.objects("networkpolicies.networking.k8s.io"):
        shared_town.store.delete(stored.key)


def policy(pod: str, *ports: int, direction: str = "Ingress", name: str = "p") -> Object:
    """Admits these ports, and no other, to or from a pod."""
    rules = [{"ports": [{"port": port} for port in ports]}] if ports else []
    return {
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "podSelector": {"matchLabels": {"app": pod}},
            "policyTypes": [direction],
            direction.lower(): rules,
        },
    }


@pytest.mark.parametrize(
    ("policies", "works"),
    [
        pytest.param([policy("v1", 5000)], False, id="the application's port"),
        pytest.param([policy("v1", 15008)], True, id="the tunnel's port"),
        pytest.param([policy("client", 5000, direction="Egress")], False, id="egress to the application"),
        pytest.param([policy("client", 15008, direction="Egress")], True, id="egress to the tunnel"),
    ],
)
async def test_between_enrolled_pods_the_tunnels_port_counts(
    town: Any, policies: list[Object], works: bool
) -> None:
    town.put(*policies)

    if works:
        assert (await town.get("client", "hello-v1")).status == 200
        return
    with pytest.raises(ConnectionResetError):
        await town.get("client", "hello-v1")
    assert town.lines(f'error="{TIMED_OUT}"', 'direction="outbound"', f"dst.addr={town.ips['v1']}:15008")


@pytest.mark.parametrize(("port", "works"), [(5000, True), (15008, False)])
async def test_from_outside_the_mesh_the_applications_port_counts(town: Any, port: int, works: bool) -> None:
    town.put(policy("v1", port))

    if works:
        assert (await town.get("outsider", "hello-v1")).status == 200
    else:
        with pytest.raises(TimeoutError):
            await town.get("outsider", "hello-v1")


@pytest.mark.parametrize(
    ("client", "service", "port"),
    [
        pytest.param(("client", "shop"), "hello-v1", 5000, id="between enrolled pods"),
        pytest.param(("outsider", "other"), "hello-v1", 15008, id="from outside the mesh"),
        pytest.param(("client", "shop"), "hello", 5000, id="from a waypoint"),
    ],
)
async def test_a_request_is_followed_to_the_network_and_no_further(
    town: Any, client: tuple[str, str], service: str, port: int
) -> None:
    town.put(policy("v1", port), policy("v2", port, name="q"))

    found = await trace(town.plane, town.container(*client), Request(f"http://{service}.shop:5000/"))

    assert found.hops[-1].at == "network"
    assert found.hops[-1].because.startswith("NetworkPolicy shop/")
    assert not [hop for hop in found.hops if hop.at.endswith(("shop/v1", "shop/v2"))]


async def test_a_waypoint_that_may_not_reach_the_destination_answers_503(town: Any) -> None:
    town.put(policy("v1", 5000), policy("v2", 5000, name="q"))

    answer = await town.get("client", "hello")

    assert answer.status == 503
    assert answer.body.startswith("upstream connect error or disconnect/reset before headers")


@pytest.mark.parametrize("service", ["hello", "hello-v1"])
async def test_a_new_policy_ends_what_goes_on(town: Any, service: str) -> None:
    async def request() -> Any:
        return await town.request(town.ips["client"], town.vips[service], 5000, "/slow")

    going = asyncio.create_task(request())
    seen = town.seen["v1"], town.seen["v2"]
    async with asyncio.timeout(10):
        while not any(head.startswith(b"GET /slow") for heads in seen for head in heads):
            await asyncio.sleep(0.002)
    town.put(policy("client", 5000, direction="Egress"))

    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await going


async def test_a_waypoints_own_pod_is_subject_to_policies(town: Any) -> None:
    town.put(
        {
            "kind": "NetworkPolicy",
            "metadata": {"name": "p", "namespace": "shop"},
            "spec": {
                "podSelector": {"matchLabels": town.gateway_label("waypoint")},
                "policyTypes": ["Ingress"],
            },
        }
    )

    with pytest.raises(ConnectionResetError):
        await town.get("client", "hello")


async def test_the_node_reaches_its_pods_whatever_policies_say(town: Any) -> None:
    town.put(policy("v1"))

    assert (await town.request("10.244.0.1", town.ips["v1"], 5000, "/health")).status == 200


@pytest.mark.parametrize("name", ["hello-v1", "hello-v1.shop", "hello-v1.shop.svc.cluster.local."])
async def test_ztunnel_knows_services_without_the_name_server(town: Any, name: str) -> None:
    town.put(policy("client", 15008, direction="Egress"))

    assert town.fabric.resolve(town.ips["client"], "shop", name) == [town.vips["hello-v1"]]


async def test_what_ztunnel_does_not_know_it_asks_the_name_server_from_the_pod(town: Any) -> None:
    spec = {"type": "ExternalName", "externalName": "hello-v1.shop.svc.cluster.local"}
    town.put({"kind": "Service", "metadata": {"name": "alias", "namespace": "shop"}, "spec": spec})
    try:
        assert town.fabric.resolve(town.ips["client"], "shop", "alias") == [town.vips["hello-v1"]]
        town.put(policy("client", 15008, direction="Egress"))
        with pytest.raises(NameServerSilent):
            town.fabric.resolve(town.ips["client"], "shop", "alias")
    finally:
        town.drop("Service", "alias")


async def test_a_pod_outside_the_mesh_needs_the_name_server_for_services_too(town: Any) -> None:
    fence = policy("outsider", 5000, direction="Egress")
    town.put({**fence, "metadata": {"name": "p", "namespace": "other"}})

    with pytest.raises(NameServerSilent):
        town.fabric.resolve(town.ips["outsider"], "other", "hello-v1.shop")
    found = await trace(town.plane, town.container("outsider", "other"), Request("http://hello-v1.shop/"))
    assert found.hops[-1].because.startswith("the name server does not answer")
