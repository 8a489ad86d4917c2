"""TLS that a waypoint begins itself, towards a host outside that speaks nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from pocketmesh.clock import WallClock
from pocketmesh.net.outside import Outside
from pocketmesh.store import Missing

pytestmark = pytest.mark.asyncio(loop_scope="module")

Object = dict[str, Any]
TARGET = {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "web"}
STRANGER = Outside(WallClock()).authority.certificate.decode()
HOST = "httpbin.org"


def named(kind: str, name: str, **fields: Any) -> Object:
    meta = {"name": name, "namespace": "shop", **fields.pop("metadata", {})}
    return {"kind": kind, "metadata": meta, **fields}


@pytest.fixture
def town(shared_town: Any) -> Iterator[Any]:
    """The town with a ServiceEntry whose port 80 is the host's port 443."""
    ports = [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 443}]
    shared_town.put(
        named(
            "ServiceEntry",
            "web",
            metadata={"labels": {"istio.io/use-waypoint": "waypoint"}},
            spec={"hosts": [HOST], "ports": ports, "resolution": "DNS"},
            status={"addresses": [{"value": "240.240.0.1", "host": HOST}]},
        )
    )
    yield shared_town
    for kind in ("DestinationRule", "BackendTLSPolicy"):
        with suppress(Missing):
            shared_town.drop(kind, "tls")


async def visit(town: Any) -> Any:
    await town.plane.settled()
    return await town.visit("client", f"http://{HOST}/get")


@pytest.mark.parametrize(
    ("tls", "status"),
    [
        pytest.param({}, 200, id="the request's host"),
        pytest.param({"sni": "httpbin.org"}, 200, id="its name"),
        pytest.param({"sni": "other.example"}, 503, id="another name"),
        pytest.param(
            {"sni": "other.example", "subjectAltNames": ["httpbin.org"]}, 200, id="a name told apart"
        ),
        pytest.param({"subjectAltNames": ["other.example"]}, 503, id="a name that the host has not"),
        pytest.param({"insecureSkipVerify": True, "sni": "other.example"}, 200, id="unverified"),
        pytest.param({"mode": "DISABLE"}, 503, id="no tls to a port that wants it"),
    ],
)
async def test_a_destination_rule_has_the_waypoint_begin_tls(town: Any, tls: Object, status: int) -> None:
    policy = {"tls": {"mode": "SIMPLE", **tls}}
    town.put(named("DestinationRule", "tls", spec={"host": HOST, "trafficPolicy": policy}))

    answer = await visit(town)

    assert answer.status == status
    assert status != 200 or '"url": "https://httpbin.org/get"' in answer.body


@pytest.mark.parametrize(
    ("validation", "status"),
    [
        pytest.param({"hostname": "httpbin.org", "wellKnownCACertificates": "System"}, 200, id="system"),
        pytest.param(
            {"hostname": "other.example", "wellKnownCACertificates": "System"}, 503, id="another name"
        ),
        pytest.param(
            {"hostname": "httpbin.org", "caCertificateRefs": [{"name": "right"}]}, 200, id="its own"
        ),
        pytest.param(
            {"hostname": "httpbin.org", "caCertificateRefs": [{"name": "wrong"}]}, 503, id="a stranger"
        ),
        pytest.param({"hostname": "httpbin.org", "caCertificateRefs": [{"name": "gone"}]}, 503, id="none"),
    ],
)
async def test_a_backend_tls_policy_does_so_too(town: Any, validation: Object, status: int) -> None:
    right = town.fabric.outside.authority.certificate.decode()
    for name, certificate in (("right", right), ("wrong", STRANGER)):
        town.put(named("ConfigMap", name, data={"ca.crt": certificate}))
    town.put(named("BackendTLSPolicy", "tls", spec={"targetRefs": [TARGET], "validation": validation}))

    assert (await visit(town)).status == status


async def test_a_policy_follows_its_authority(town: Any) -> None:
    validation = {"hostname": HOST, "caCertificateRefs": [{"name": "late"}]}
    town.put(named("BackendTLSPolicy", "tls", spec={"targetRefs": [TARGET], "validation": validation}))
    before = (await visit(town)).status
    certificate = town.fabric.outside.authority.certificate.decode()
    town.put(named("ConfigMap", "late", data={"ca.crt": certificate}))

    assert (before, (await visit(town)).status) == (503, 200)
