from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

Object = dict[str, Any]
SERVICE = {"kind": "Service", "name": "hello", "group": ""}
GATEWAY = {"kind": "Gateway", "name": "waypoint", "group": "gateway.networking.k8s.io"}
CLASS = {"kind": "GatewayClass", "name": "istio-waypoint", "group": "gateway.networking.k8s.io"}
CLIENT = "cluster.local/ns/shop/sa/client-account"


def policy(
    *rules: Object,
    target: Object | None = SERVICE,
    action: str = "ALLOW",
    namespace: str = "shop",
    name: str = "p",
) -> Object:
    refs = {"targetRefs": [target]} if target else {}
    return {
        "kind": "AuthorizationPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"action": action, "rules": list(rules), **refs},
    }


def source(**fields: Any) -> Object:
    return {"from": [{"source": fields}]}


def operation(**fields: Any) -> Object:
    return {"to": [{"operation": fields}]}


@pytest.fixture
def town(shared_town: Any) -> Iterator[Any]:
    yield shared_town
    for stored in shared_town.store.objects("authorizationpolicies.security.istio.io"):
        shared_town.store.delete(stored.key)


@pytest.mark.parametrize(
    ("policies", "method", "path", "status"),
    [
        pytest.param([policy()], "GET", "/", 403, id="an empty ALLOW denies everything"),
        pytest.param([policy({})], "GET", "/", 200, id="an empty rule allows everything"),
        pytest.param([policy(operation(methods=["GET"]))], "GET", "/", 200, id="method allowed"),
        pytest.param([policy(operation(methods=["GET"]))], "DELETE", "/", 403, id="method not allowed"),
        pytest.param([policy(operation(paths=["/a*"], action=[]))], "GET", "/abc", 200, id="path prefix"),
        pytest.param([policy(operation(paths=["*/z"]))], "GET", "/abc", 403, id="path suffix"),
        pytest.param([policy(operation(paths=["/x/{*}/y"]))], "GET", "/x/1/y", 200, id="path template"),
        pytest.param([policy(operation(notPaths=["/a"]))], "GET", "/a", 403, id="not this path"),
        pytest.param([policy(operation(hosts=["town"]))], "GET", "/", 200, id="host"),
        pytest.param([policy(operation(ports=["5000"]))], "GET", "/", 200, id="the service's port"),
        pytest.param([policy(source(principals=[CLIENT]))], "GET", "/", 200, id="principal"),
        pytest.param([policy(source(principals=["*/sa/other"]))], "GET", "/", 403, id="another principal"),
        pytest.param([policy(source(principals=["*"]))], "GET", "/", 200, id="any principal"),
        pytest.param([policy(source(serviceAccounts=["client-account"]))], "GET", "/", 200, id="account"),
        pytest.param([policy(source(namespaces=["shop"]))], "GET", "/", 200, id="namespace"),
        pytest.param([policy(source(notNamespaces=["shop"]))], "GET", "/", 403, id="not this namespace"),
        pytest.param([policy(source(ipBlocks=["10.244.0.0/16"]))], "GET", "/", 200, id="address"),
        pytest.param([policy(source(requestPrincipals=["*"]))], "GET", "/", 403, id="no token"),
        pytest.param(
            [policy({"when": [{"key": "request.headers[x-team]", "values": ["red"]}]})],
            "GET",
            "/",
            403,
            id="header",
        ),
        pytest.param([policy(operation(methods=["GET"]), action="DENY")], "GET", "/", 403, id="DENY"),
        pytest.param(
            [policy({}), policy(operation(paths=["/no"]), action="DENY", name="q")],
            "GET",
            "/no",
            403,
            id="DENY first",
        ),
        pytest.param([policy(target=GATEWAY)], "GET", "/", 403, id="for the whole waypoint"),
        pytest.param([policy(target=GATEWAY), policy({}, name="q")], "GET", "/", 200, id="one pool"),
        pytest.param(
            [policy(target=CLASS, namespace="istio-system")], "GET", "/", 403, id="for all waypoints"
        ),
        pytest.param([policy(target=CLASS)], "GET", "/", 200, id="class outside the root namespace"),
        pytest.param([policy(target={**SERVICE, "name": "hello-v1"})], "GET", "/", 200, id="another service"),
    ],
)
async def test_a_waypoint_admits_requests(
    town: Any, policies: list[Object], method: str, path: str, status: int
) -> None:
    town.put(*policies)
    await town.plane.settled()

    answer = await town.request(town.ips["client"], town.vips["hello"], 5000, path, method)

    assert answer.status == status
    if status == 403:
        assert answer.body == "RBAC: access denied"


async def test_the_destination_sees_the_waypoint_and_may_refuse_it(town: Any) -> None:
    town.put(policy(source(principals=[CLIENT]), target=None))
    await town.plane.settled()

    answer = await town.get("client", "hello")

    assert answer.status == 503
    assert answer.body.startswith("upstream connect error or disconnect/reset before headers")
    assert town.lines('src.identity="spiffe://cluster.local/ns/shop/sa/waypoint-1-account"', "none allowed")


async def test_a_workload_that_admits_its_waypoint_only_is_reached_through_it(town: Any) -> None:
    town.put(policy(source(principals=["cluster.local/ns/shop/sa/waypoint-1-account"]), target=None))
    await town.plane.settled()

    assert (await town.get("client", "hello")).status == 200
    with pytest.raises(ConnectionResetError):
        await town.get("client", "hello-v1")


async def test_the_log_names_the_waypoint_and_what_was_dialled(town: Any) -> None:
    await town.get("client", "hello")

    async def logged() -> bool:
        return bool(lines())

    def lines() -> list[str]:
        words = f"dst.addr={town.ips['waypoint-1']}:15008 dst.hbone_addr={town.vips['hello']}:5000"
        return [line for line in town.lines('direction="outbound"', words) if "\tinfo\t" in line]

    await town.until(logged)
    assert 'dst.service="hello.shop.svc.cluster.local" dst.workload="waypoint-1"' in lines()[-1]
    assert 'dst.identity="spiffe://cluster.local/ns/shop/sa/waypoint-1-account"' in lines()[-1]
