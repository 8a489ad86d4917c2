"""ServiceEntries as services: where they lead to, and who learns their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pocketmesh.istio.mesh import decide, resolve
from pocketmesh.net.interception import Connection

CLIENT, OUTSIDER, SERVER, VIP = "10.244.0.2", "10.244.0.4", "10.244.0.3", "240.240.0.1"
Object = dict[str, Any]
Make = Callable[..., Object]


def machine(address: str, **spec: Any) -> Object:
    meta = {"name": "machine", "namespace": "shop", "labels": {"app": "server"}}
    return {"kind": "WorkloadEntry", "metadata": meta, "spec": {"address": address, **spec}}


def ready(pods: list[Object]) -> list[Object]:
    """The same objects, their pods ready."""
    for pod in pods:
        if pod["kind"] == "Pod":
            pod["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    return pods


def ends(mesh: Any, host: str = "api.example", port: int = 80) -> list[str]:
    return [f"{end.ip}:{end.port}" for end in mesh.port(host, port).ready]


@pytest.mark.parametrize(
    ("resolution", "spec", "found"),
    [
        pytest.param("DNS", {}, [], id="a name that nobody knows"),
        pytest.param("DNS", {"hosts": ["example.com"]}, ["203.0.113.20:80"], id="its own name"),
        pytest.param(
            "DNS", {"endpoints": [{"address": "example.com"}]}, ["203.0.113.20:80"], id="another name"
        ),
        pytest.param(
            "DNS",
            {"endpoints": [{"address": "web.shop.svc.cluster.local"}]},
            ["10.244.0.3:8080"],
            id="a service",
        ),
        pytest.param("STATIC", {"endpoints": [{"address": "192.0.2.7"}]}, ["192.0.2.7:80"], id="an address"),
        pytest.param("STATIC", {}, [], id="static without endpoints"),
        pytest.param(
            "STATIC",
            {"endpoints": [{"address": "192.0.2.7", "ports": {"http": 8443}}]},
            ["192.0.2.7:8443"],
            id="an endpoint's own port",
        ),
        pytest.param("NONE", {"addresses": ["192.0.2.9"]}, ["192.0.2.9:80"], id="what was dialled"),
        pytest.param(
            "STATIC",
            {"workloadSelector": {"labels": {"app": "server"}}},
            ["10.244.0.3:80", "192.0.2.8:9000"],
            id="a pod and a workload entry",
        ),
        pytest.param("STATIC", {"workloadSelector": {"labels": {"app": "other"}}}, [], id="nothing selected"),
    ],
)
def test_an_entry_leads_to(
    shop: list[Object], compiled: Make, entry: Make, resolution: str, spec: Object, found: list[str]
) -> None:
    objects = [*ready(shop), machine("192.0.2.8", ports={"http": 9000}), entry(resolution, **spec)]
    host = spec.get("hosts", ["api.example"])[0]

    assert ends(compiled(objects), host) == found


def test_a_target_port_is_where_endpoints_listen(compiled: Make, entry: Make) -> None:
    ports = [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 443}]

    assert ends(compiled([entry(host="example.com", ports=ports)]), "example.com") == ["203.0.113.20:443"]


@pytest.mark.parametrize(
    ("source", "verdict", "end"),
    [
        pytest.param(CLIENT, "deliver", ("203.0.113.20", 80), id="enrolled"),
        pytest.param(OUTSIDER, "unreachable", (VIP, 80), id="plain"),
    ],
)
def test_only_ztunnel_knows_an_entrys_address(
    shop: list[Object], compiled: Make, entry: Make, source: str, verdict: str, end: tuple[str, int]
) -> None:
    mesh = compiled([*shop, entry(endpoints=[{"address": "example.com"}])])

    path = decide(mesh, Connection(source, 40000, VIP, 80))

    assert (path.verdict, (path.ip, path.port)) == (verdict, end)


@pytest.mark.parametrize("source", [CLIENT, OUTSIDER], ids=["enrolled", "plain"])
def test_what_is_outside_is_passed_on_to(shop: list[Object], compiled: Make, source: str) -> None:
    assert decide(compiled(shop), Connection(source, 40000, "203.0.113.20", 443)).verdict == "deliver"


@pytest.mark.parametrize(
    ("name", "entries", "found"),
    [
        pytest.param("api.example", [{}], [VIP], id="its host"),
        pytest.param("API.example.", [{}], [VIP], id="spelled otherwise"),
        pytest.param("other.example", [{}], [], id="another host"),
        pytest.param("api.example", [{"status": {}}], [], id="without an address"),
        pytest.param(
            "api.example",
            [{"labels": {"networking.istio.io/enable-autoallocate-ip": "false"}}],
            [],
            id="opted out",
        ),
        pytest.param("a.b.example", [{"host": "*.example"}], [VIP], id="a wildcard"),
        pytest.param("example", [{"host": "*.example"}], [], id="not the wildcard's own domain"),
        pytest.param(
            "web.shop.svc.cluster.local",
            [{"host": "*.cluster.local"}],
            ["10.96.0.20"],
            id="a Service goes first",
        ),
        pytest.param(
            "api.example",
            [
                {"namespace": "aaa", "addresses": ["192.0.2.1"]},
                {"namespace": "shop", "addresses": ["192.0.2.2"]},
            ],
            ["192.0.2.2"],
            id="of several the pod's own namespace",
        ),
    ],
)
def test_an_enrolled_pod_learns(
    shop: list[Object], compiled: Make, entry: Make, name: str, entries: list[Object], found: list[str]
) -> None:
    made = [entry(**{key: value for key, value in item.items() if key != "status"}) for item in entries]
    for item, wanted in zip(made, entries, strict=True):
        item["status"] = wanted.get("status", item["status"])
    mesh = compiled([*shop, *made])

    assert resolve(mesh, mesh.workloads[CLIENT], name) == found
