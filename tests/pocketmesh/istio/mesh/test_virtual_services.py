from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.istio.mesh.routing import Retry, Rule, honoured
from pocketmesh.istio.mesh.virtual_services import virtual_rules
from pocketmesh.net.services import ServicePort, ServiceTable

Object = dict[str, Any]
WEB, TWO = ("shop", "web"), ("shop", "two")


def port(service: tuple[str, str], number: int) -> ServicePort:
    return ServicePort(service, "", number, "TCP", "", ())


SERVICES = ServiceTable({WEB: (port(WEB, 80),), TWO: (port(TWO, 80), port(TWO, 81))}, {})
HOSTS = {found.host: place for place, ports in SERVICES.ports.items() for found in ports}


def virtual_service(*http: Object, **more: Any) -> Object:
    meta = {"name": more.pop("name", "vs"), "namespace": more.pop("namespace", "shop")}
    meta["creationTimestamp"] = more.pop("created", "2026-01-01")
    return {"kind": "VirtualService", "metadata": meta, "spec": {"hosts": ["web"], "http": [*http], **more}}


def rules(*objects: Object) -> tuple[Rule, ...]:
    requests, _ = virtual_rules(objects, HOSTS, SERVICES)
    return requests.get(WEB, ())


def to(host: str, **destination: Any) -> Object:
    return {"route": [{"destination": {"host": host, **destination}}]}


def test_older_ones_come_first_and_matches_stay_in_order() -> None:
    two = {**to("web"), "name": "second", "match": [{"name": "a"}, {"name": "b"}]}
    younger = virtual_service(two, created="2026-01-02", name="a")
    older = virtual_service({**to("web"), "name": "first", "match": [{}]}, created="2026-01-01", name="z")

    assert [rule.name for rule in rules(younger, older)] == ["first", "second.a", "second.b"]


def test_nothing_comes_after_a_route_without_a_match() -> None:
    found = rules(virtual_service({**to("web"), "name": "all"}, {**to("web"), "name": "more"}))

    assert [rule.name for rule in found] == ["all"]


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        pytest.param({"host": "web"}, ("web.shop.svc.cluster.local", 80), id="the only port"),
        pytest.param({"host": "two"}, ("two.shop.svc.cluster.local", 0), id="one of several ports"),
        pytest.param(
            {"host": "two", "port": {"number": 81}}, ("two.shop.svc.cluster.local", 81), id="a named port"
        ),
        pytest.param({"host": "missing"}, ("missing.shop.svc.cluster.local", 0), id="no such host"),
        pytest.param({"host": "api.example"}, ("api.example", 0), id="a full name"),
    ],
)
def test_a_destination_is_completed(destination: Object, expected: tuple[str, int]) -> None:
    [found] = rules(virtual_service({"route": [{"destination": destination}]}))

    assert (found.backends[0].host, found.backends[0].port) == expected


def test_the_dialled_port_takes_the_place_of_one_that_is_left_open() -> None:
    found = honoured(rules(virtual_service(to("two"))), WEB, WEB, 81)

    assert found[0].backends[0].port == 81


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        pytest.param([None], [1], id="one alone"),
        pytest.param([0], [1], id="one alone with nothing"),
        pytest.param([90, None], [90, 0], id="a share left out"),
        pytest.param([25, 75], [25, 75], id="two shares"),
    ],
)
def test_shares_are_read(weights: list[int | None], expected: list[int]) -> None:
    entries = [
        {"destination": {"host": "web"}, **({} if weight is None else {"weight": weight})}
        for weight in weights
    ]

    [found] = rules(virtual_service({"route": entries}))

    assert [backend.weight for backend in found.backends] == expected


@pytest.mark.parametrize(
    ("kept", "obj"),
    [
        pytest.param(1, virtual_service(to("web")), id="the service's namespace"),
        pytest.param(1, virtual_service(to("web"), gateways=["mesh", "ingress"]), id="for the mesh as well"),
        pytest.param(0, virtual_service(to("web"), gateways=["ingress"]), id="for a gateway"),
        pytest.param(0, virtual_service(to("web"), exportTo=["."]), id="for its own namespace"),
        pytest.param(1, virtual_service(to("web"), exportTo=["gateways"]), id="for the waypoint's namespace"),
        pytest.param(0, virtual_service(to("web"), hosts=["*"]), id="a wildcard"),
        pytest.param(0, virtual_service({"delegate": {"name": "other"}}), id="a delegate"),
        pytest.param(
            0,
            virtual_service(to("web"), namespace="consumer", hosts=list(HOSTS)),
            id="a consumer's namespace",
        ),
        pytest.param(
            1,
            virtual_service(to("web"), namespace="gateways", hosts=["web.shop.svc.cluster.local"]),
            id="from the waypoint's namespace",
        ),
    ],
)
def test_a_waypoint_honours_some(kept: int, obj: Object) -> None:
    assert len(honoured(rules(obj), WEB, ("gateways", "waypoint"), 80)) == kept


@pytest.mark.parametrize(
    ("retries", "expected"),
    [
        pytest.param({"attempts": 3}, Retry(3), id="how often"),
        pytest.param({}, Retry(0), id="not said how often"),
        pytest.param(
            {"attempts": 1, "retryOn": "5xx, 429,reset"},
            Retry(1, (429,), on="5xx,reset,retriable-status-codes"),
            id="conditions and codes",
        ),
        pytest.param(
            {"attempts": 1, "retryIgnorePreviousHosts": False, "backoff": "1s"},
            Retry(1, (), "1s", elsewhere=False),
            id="where and when",
        ),
    ],
)
def test_retries_are_read(retries: Object, expected: Retry) -> None:
    [found] = rules(virtual_service({**to("web"), "retries": retries}))

    assert found.retry == expected


@pytest.mark.parametrize(
    ("fault", "shares"),
    [
        pytest.param({"delay": {"fixedDelay": "1s", "percent": 7}}, (7, 0), id="the older way"),
        pytest.param({"delay": {"fixedDelay": "1s"}}, (0, 0), id="a delay of nothing"),
        pytest.param({"abort": {"httpStatus": 500}}, (0, 0), id="an abort of nothing"),
        pytest.param(
            {"abort": {"httpStatus": 500, "percentage": {"value": 0.5}}}, (0, 0.5), id="half a percent"
        ),
    ],
)
def test_a_fault_without_a_share_is_none(fault: Object, shares: tuple[float, float]) -> None:
    [found] = rules(virtual_service({**to("web"), "fault": fault}))

    assert found.fault is not None
    assert (found.fault.delayed, found.fault.aborted) == shares
