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

    assert answer.headers["server"].startswith("gunicorn")


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


BOUND = {"istio.io/use-waypoint": "waypoint"}


def rule(name: str, **spec: Any) -> Object:
    parent = {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "web"}
    meta = {"name": name, "namespace": "shop"}
    return {"kind": "HTTPRoute", "metadata": meta, "spec": {"parentRefs": [parent], "rules": [spec]}}


async def test_a_waypoint_is_an_egress_gateway(town: Any) -> None:
    town.pod("client")
    await town.waypoint()
    town.put(entry(labels=BOUND))
    await town.plane.settled()

    answer = await town.visit("client", "http://httpbin.org/get")

    assert answer.status == 200
    assert answer.headers["server"] == "istio-envoy"
    assert "X-Request-Id" in answer.body


async def test_without_an_address_the_waypoint_is_not_used(town: Any) -> None:
    town.pod("client")
    await town.waypoint()
    town.put({**entry(labels=BOUND), "status": {}})
    await town.plane.settled()

    answer = await town.visit("client", "http://httpbin.org/get")

    assert answer.status == 200
    assert "X-Request-Id" not in answer.body


async def test_a_policy_for_a_service_entry_decides_about_requests(town: Any) -> None:
    town.pod("client")
    await town.waypoint()
    target = {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "web"}
    operation = {"operation": {"methods": ["GET"], "paths": ["/get"]}}
    town.put(
        entry(labels=BOUND),
        {
            "kind": "AuthorizationPolicy",
            "metadata": {"name": "only-get", "namespace": "shop"},
            "spec": {"targetRefs": [target], "action": "ALLOW", "rules": [{"to": [operation]}]},
        },
    )
    await town.plane.settled()

    statuses = [(await town.visit("client", f"http://httpbin.org{path}")).status for path in ("/get", "/ip")]

    assert statuses == [200, 403]


async def test_a_route_of_a_service_entry_is_followed(town: Any) -> None:
    town.pod("client")
    await town.waypoint()
    rewrite = {
        "type": "URLRewrite",
        "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/ip"}},
    }
    host = {"group": "networking.istio.io", "kind": "Hostname", "name": "httpbin.org", "port": 80}
    town.put(entry(labels=BOUND), rule("rewriting", filters=[rewrite], backendRefs=[host]))
    await town.plane.settled()

    answer = await town.visit("client", "http://httpbin.org/get")

    assert '"origin"' in answer.body
    assert '"url"' not in answer.body


async def test_a_host_that_nobody_knows_has_no_endpoint(town: Any) -> None:
    town.pod("client")
    await town.waypoint()
    town.put(entry("unknown.example", labels=BOUND))
    await town.plane.settled()

    answer = await town.visit("client", "http://unknown.example/")

    assert (answer.status, answer.body) == (503, "no healthy upstream")


@pytest.mark.parametrize("waypoint", [False, True], ids=["ztunnel", "waypoint"])
@pytest.mark.parametrize(
    "endpoints",
    [
        pytest.param({"endpoints": [{"address": "POD"}], "resolution": "STATIC"}, id="inlined"),
        pytest.param(
            {"workloadSelector": {"labels": {"app": "server"}}, "resolution": "STATIC"}, id="pod by selector"
        ),
        pytest.param(
            {"workloadSelector": {"labels": {"app": "machine"}}, "resolution": "STATIC"}, id="workload entry"
        ),
        pytest.param({"endpoints": [{"address": "hello.shop.svc.cluster.local"}]}, id="name of a service"),
    ],
)
async def test_endpoints_may_be_in_the_cluster(town: Any, endpoints: Object, waypoint: bool) -> None:
    town.pod("client")
    ip = town.pod("server", enrolled=False)
    town.service("hello", "server")
    if waypoint:
        await town.waypoint()
    for end in endpoints.get("endpoints", ()):
        if end["address"] == "POD":
            endpoints = {**endpoints, "endpoints": [{"address": ip}]}
    machine = {
        "metadata": {"name": "machine", "namespace": "shop"},
        "spec": {"address": ip, "labels": {"app": "machine"}},
    }
    ports = [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 5000}]
    town.put(
        {"kind": "WorkloadEntry", **machine},
        entry("any.where", labels=BOUND if waypoint else {}, ports=ports, **endpoints),
    )
    await town.plane.settled()

    answer = await town.visit("client", "http://any.where/hello")

    assert answer.instance == "server"
    assert ("x-request-id" in answer.request) is waypoint


async def test_a_wildcard_leads_to_the_host_that_each_request_names(town: Any) -> None:
    town.pod("client")
    await town.waypoint()
    town.put(entry("*.example.com", labels=BOUND, resolution="DYNAMIC_DNS"))
    await town.plane.settled()

    known = await town.visit("client", "http://www.example.com/")
    unknown = await town.visit("client", "http://no.example.com/")

    assert (known.status, "www.example.com" in known.body) == (200, True)
    assert unknown.status == 503


async def test_a_wildcard_without_a_waypoint_leads_nowhere(town: Any) -> None:
    town.pod("client")
    town.put(entry("*.example.com", resolution="DYNAMIC_DNS"))

    with pytest.raises(ConnectionResetError):
        await town.visit("client", "http://www.example.com/")


@pytest.mark.parametrize("enrolled", [True, False], ids=["enrolled", "plain"])
@pytest.mark.parametrize(("block", "reached"), [("203.0.113.10/32", True), ("203.0.113.20/32", False)])
async def test_network_policies_count_for_what_is_outside(
    town: Any, enrolled: bool, block: str, reached: bool
) -> None:
    town.pod("client", enrolled=enrolled)
    rule = {"to": [{"ipBlock": {"cidr": block}}]}
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [rule]}
    town.put({"kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "shop"}, "spec": spec})

    if reached:
        assert (await town.get("client", "203.0.113.10", "/get", 80)).status == 200
        return
    with pytest.raises(ConnectionResetError if enrolled else TimeoutError):
        await town.get("client", "203.0.113.10", "/get", 80)


async def test_a_pod_may_leave_its_names_to_the_cluster(town: Any) -> None:
    town.pod("client", annotations={"ambient.istio.io/dns-capture": "false"})
    town.put(entry())

    assert town.fabric.resolve(town.ips["client"], "shop", "httpbin.org") == ["203.0.113.10"]


async def test_metrics_tell_the_namespace_of_the_entry(town: Any) -> None:
    town.pod("client")
    town.put(entry())

    await town.visit("client", "http://httpbin.org/get")

    assert (
        b'destination_service_name="httpbin.org",destination_service_namespace="shop"' in town.plane.metrics()
    )
