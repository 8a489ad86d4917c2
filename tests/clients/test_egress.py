"""An egress gateway made of a waypoint, with kubectl and curl in a pod: the steps of Istio's own page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from .conftest import DEADLINE, Kubectl, wait_for

CURL = {"name": "curl", "image": "curlimages/curl", "command": ["sleep", "infinity"]}
LISTENER = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
ISTIO = "networking.istio.io/v1"


class Egress:
    """A namespace of the mesh whose waypoint everything leaves by, and a pod to call from."""

    def __init__(self, kubectl: Kubectl, directory: Path) -> None:
        self.kubectl = kubectl
        self._file = directory / "object.json"
        labels = ("istio.io/dataplane-mode=ambient", "istio.io/use-waypoint=waypoint")
        kubectl("label", "namespace", kubectl.namespace, *labels)
        self.apply("v1", "Pod", "curl", spec={"containers": [CURL]})
        gateway = {"gatewayClassName": "istio-waypoint", "listeners": [LISTENER]}
        self.apply("gateway.networking.k8s.io/v1", "Gateway", "waypoint", spec=gateway)
        kubectl("wait", "--for=condition=Programmed", "gtw/waypoint", f"--timeout={DEADLINE}s")
        kubectl("wait", "--for=condition=Ready", "pod/curl", f"--timeout={DEADLINE}s")

    def apply(self, version: str, kind: str, name: str, spec: object) -> None:
        meta = {"name": name}
        self._file.write_bytes(
            orjson.dumps({"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec})
        )
        self.kubectl("apply", "-f", str(self._file))

    def entry(self, name: str, host: str, **port: object) -> None:
        ports = [{"number": 80, "name": "http", "protocol": "HTTP", **port}]
        spec = {"hosts": [host], "ports": ports, "resolution": "DNS"}
        self.apply(ISTIO, "ServiceEntry", name, spec)

    def curl(self, *words: str) -> str:
        return self.kubectl("exec", "curl", "--", "curl", "-s", *words)

    def code(self, *words: str) -> str:
        return self.curl("-o", "/dev/null", "-w", "%{http_code}", *words)


@pytest.fixture(scope="module")
def egress(
    in_new_namespace: Callable[[], Kubectl], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Egress]:
    kubectl = in_new_namespace()
    yield Egress(kubectl, tmp_path_factory.mktemp("egress"))
    kubectl("delete", "namespace", kubectl.namespace, "--wait=false")


@pytest.mark.parametrize(
    "url", ["https://httpbin.org/get", "https://example.com", "https://edition.cnn.com/politics"]
)
def test_curl_trusts_the_hosts_outside(egress: Egress, url: str) -> None:
    assert egress.code(url) == "200"


def test_a_host_leaves_by_the_waypoint_under_its_policy(egress: Egress) -> None:
    target = {"kind": "ServiceEntry", "group": "networking.istio.io", "name": "httpbin"}
    allowed = {"to": [{"operation": {"methods": ["GET"], "paths": ["/get"]}}]}
    policy = {"targetRefs": [target], "action": "ALLOW", "rules": [allowed]}
    egress.entry("httpbin", "httpbin.org")
    egress.apply("security.istio.io/v1", "AuthorizationPolicy", "only-get", policy)

    wait_for(lambda: egress.code("-X", "POST", "http://httpbin.org/post") == "403")

    assert "X-Request-Id" in egress.curl("http://httpbin.org/get")


def test_the_waypoint_speaks_tls_for_whoever_does_not(egress: Egress) -> None:
    egress.entry("cnn", "edition.cnn.com", targetPort=443)
    egress.apply(
        ISTIO,
        "DestinationRule",
        "tls",
        {"host": "edition.cnn.com", "trafficPolicy": {"tls": {"mode": "SIMPLE"}}},
    )

    wait_for(lambda: egress.code("http://edition.cnn.com/politics") == "200")
