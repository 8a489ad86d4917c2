"""BackendTLSPolicies as DestinationRules."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.istio.mesh.backend_tls import as_destination_rules, authorities
from pocketmesh.net.services import ServicePort, ServiceTable

Object = dict[str, Any]
WEB, API = ("shop", "web"), ("shop", "api.example")
TABLE = ServiceTable({WEB: (ServicePort(WEB, "https", 443, "TCP", "", ()),)}, {})


def policy(kind: str = "Service", section: str = "", **validation: Any) -> Object:
    group = "networking.istio.io" if kind == "ServiceEntry" else ""
    target = {"group": group, "kind": kind, "name": "web", **({"sectionName": section} if section else {})}
    validation = {"hostname": "a.example", **(validation or {"wellKnownCACertificates": "System"})}
    meta = {"name": "p", "namespace": "shop"}
    return {"metadata": meta, "spec": {"targetRefs": [target], "validation": validation}}


def specs(made: Object) -> list[Object]:
    return [rule["spec"] for rule in as_destination_rules([made], TABLE, {WEB: (API,)})]


@pytest.mark.parametrize(
    ("kind", "host"),
    [("Service", "web.shop.svc.cluster.local"), ("ServiceEntry", "api.example"), ("Gateway", None)],
)
def test_a_policy_is_about_the_hosts_of_its_target(kind: str, host: str | None) -> None:
    assert [spec["host"] for spec in specs(policy(kind))] == ([host] if host else [])


def test_the_hostname_is_asked_for_and_expected() -> None:
    (spec,) = specs(policy())

    tls = spec["trafficPolicy"]["tls"]
    assert (tls["mode"], tls["sni"], tls["subjectAltNames"]) == ("SIMPLE", "a.example", ["a.example"])


def test_a_section_is_a_port() -> None:
    (spec,) = specs(policy(section="https"))

    (setting,) = spec["trafficPolicy"]["portLevelSettings"]
    assert setting["port"] == {"number": 443}


def test_authorities_are_those_of_the_config_maps_that_are_named() -> None:
    named = policy(caCertificateRefs=[{"group": "", "kind": "ConfigMap", "name": "ca"}])
    maps = [
        {"metadata": {"namespace": "shop", "name": name}, "data": {"ca.crt": name.upper()}}
        for name in ("ca", "other")
    ]

    assert authorities([named], maps) == {"configmap://shop/ca": "CA"}
