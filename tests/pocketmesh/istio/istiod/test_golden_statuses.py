"""The statuses that istiod 1.30.3 itself wrote for the same objects.

Its fixture is not part of the data, so it is rebuilt here: every Service that a route names exists unless
its golden status says otherwise, and the ingress gateway's Services have the ports that the statuses show.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pocketmesh.istio.gateway_api.classes import class_of
from pocketmesh.istio.istiod.classes import class_status
from pocketmesh.istio.istiod.gateways import gateway_status
from pocketmesh.istio.istiod.routes import route_parents
from pocketmesh.istio.settings import Settings

Object = dict[str, Any]

ROOT = Path(__file__).parents[4]
GOLDEN = (ROOT / os.environ.get("LABCHECK_SHARED", "../shared")).resolve() / "data/golden/gateway-status"
SETTINGS = Settings(domain="domain.suffix", ambient=False, alpha=True)
ROUTES = {"HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute"}
MISSING = {"nonexistent", "does-not-exist", "unknown-service-import", "fake-service"}
CASES = (
    "empty-backend-refs",
    "http",
    "invalid",
    "mesh",
    "multi-gateway",
    "redirect-only",
    "reference-policy-service",
    "route-precedence",
    "status",
    "waypoint",
    "weighted",
    "zero",
)
NOT_COVERED = {
    "invalid": {
        "invalid-frontendvalidation-malformed",
        "invalid-frontendvalidation-missing-refgrant",
        "invalid-frontendvalidation-nonexistent",
        "invalid-frontendvalidation-unknown",
    },
    "http": {
        "infpool-gen",
        "infpool-gen2",
        "infpool-model1",
        "infpool-model2",
        "multiple-inferencepool-backend-refs",
        "multi-route-infpool-1",
        "multi-route-infpool-2",
    },
}
"""Client certificate validation at a gateway, and InferencePools: later deepening."""


def documents(name: str) -> list[Object]:
    path = GOLDEN / name
    if not path.exists():
        pytest.skip(f"upstream's golden statuses are not here: {GOLDEN}")
    return [item for item in yaml.load_all(path.read_text(), yaml.BaseLoader) if item]


def typed(value: Any) -> Any:
    """Scalars as YAML means them; the base loader kept timestamps as they were written."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return int(value) if isinstance(value, str) and value.isdigit() else value


def key(obj: Object) -> tuple[str, str, str]:
    return obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def references(value: Any, namespace: str) -> Iterator[tuple[str, str]]:
    """The Services that a route names as a parent or as a backend."""
    for parent in value["spec"].get("parentRefs", []):
        if parent.get("kind") == "Service":
            yield parent.get("namespace", namespace), parent["name"]
    for rule in value["spec"].get("rules", []):
        mirrors = [
            item["requestMirror"]["backendRef"] for item in rule.get("filters", []) if "requestMirror" in item
        ]
        for backend in [*rule.get("backendRefs", []), *mirrors]:
            if backend["name"] not in MISSING:
                yield backend.get("namespace", namespace), backend["name"]


def service(namespace: str, name: str) -> Object:
    return {"kind": "Service", "metadata": {"namespace": namespace, "name": name}, "spec": {"ports": []}}


def ingress() -> list[Object]:
    ports = {"http": (80, 8080), "tcp": (34000, 34000), "tcp-other": (34001, 34001), "https": (443, 443)}
    meta = {"namespace": "istio-system", "name": "istio-ingressgateway"}
    return [
        {
            "kind": "Service",
            "metadata": meta,
            "spec": {"ports": [{"name": name, "port": port} for name, (port, _) in ports.items()]},
            "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}},
        },
        {
            "kind": "EndpointSlice",
            "metadata": {**meta, "labels": {"kubernetes.io/service-name": "istio-ingressgateway"}},
            "ports": [{"name": name, "port": target} for name, (_, target) in ports.items()],
            "endpoints": [{"addresses": ["10.0.0.1"]}],
        },
        {
            "kind": "ServiceEntry",
            "metadata": {"namespace": "istio-system", "name": "example"},
            "spec": {
                "hosts": ["example.com"],
                "ports": [{"number": 80}, {"number": 34000}],
                "endpoints": [{"address": "10.0.0.2"}],
            },
        },
    ]


def certificates() -> list[Object]:
    def secret(name: str, content: bytes) -> Object:
        data = {field: b64encode(content).decode() for field in ("tls.crt", "tls.key")}
        return {"kind": "Secret", "metadata": {"namespace": "istio-system", "name": name}, "data": data}

    return [secret("my-cert-http", b"-----BEGIN CERTIFICATE-----"), secret("malformed", b"nothing")]


def namespaces() -> list[Object]:
    return [
        {"kind": "Namespace", "metadata": {"name": name, "labels": {"istio.io/test-name-part": part}}}
        for name, part in (("allowed-1", "allowed"), ("allowed-2", "allowed"), ("default", "default"))
    ]


def status_of(obj: Object, reader: Any) -> Object:
    if obj["kind"] == "GatewayClass":
        status = class_status(obj, "fake")
        return {"conditions": status["conditions"]}
    if obj["kind"] == "Gateway":
        info = class_of(obj, reader, SETTINGS)
        assert info is not None
        return gateway_status(obj, info, reader, SETTINGS, "fake")
    return {"parents": route_parents(obj, reader, SETTINGS, "fake")}


def with_fake_times(status: Any) -> Any:
    if isinstance(status, dict):
        return {
            name: "fake" if name == "lastTransitionTime" else with_fake_times(item)
            for name, item in status.items()
        }
    return [with_fake_times(item) for item in status] if isinstance(status, list) else status


@pytest.mark.parametrize("case", CASES)
def test_statuses_are_those_that_istiod_wrote(case: str, reading: Callable[..., Any]) -> None:
    given = [typed(obj) for obj in documents(f"{case}.yaml")]
    expected = {key(obj): typed(obj["status"]) for obj in documents(f"{case}.status.yaml")}
    named = [
        service(namespace, name)
        for obj in given
        if obj["kind"] in ROUTES
        for namespace, name in references(obj, obj["metadata"]["namespace"])
    ]
    reader = reading(*named, *ingress(), *certificates(), *namespaces(), *given)
    left_out = NOT_COVERED.get(case, set())
    actual = {
        key(obj): with_fake_times(status_of(obj, reader))
        for obj in given
        if key(obj) in expected and obj["metadata"]["name"] not in left_out
    }
    assert actual == {name: status for name, status in expected.items() if name[2] not in left_out}
