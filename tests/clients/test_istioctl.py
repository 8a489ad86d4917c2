"""The real istioctl against the server: installing, looking, mending, removing.

istioctl is the one that LABCHECK_ISTIOCTL names, else the one on PATH; it is told to install the release
that this cluster speaks for.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pocketmesh.schema.crds import gateway_api_crds
from pocketmesh.versions import ISTIO

from ..conftest import Serving
from .shop import eventually, hello, open_shop, pod_of, rows

PATIENCE = 60.0
RELEASE = ("--set", "hub=registry.istio.io/release", "--set", f"tag={ISTIO}")
INSTALL = ("install", "--set", "profile=ambient", *RELEASE, "-y", "--readiness-timeout", "40s")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Tools:
    """istioctl and kubectl, with one cluster."""

    istioctl: Path
    kubeconfig: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """istioctl, to its end, whatever the exit code."""
        return self._run([str(self.istioctl), *arguments])

    def __call__(self, *arguments: str) -> str:
        """istioctl, which succeeds; returns what was printed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def kubectl(self, *arguments: str, stdin: str = "", code: int = 0) -> str:
        """kubectl, which ends with this exit code; returns what was printed."""
        done = self._run(["kubectl", *arguments], stdin)
        assert done.returncode == code, f"{arguments}: {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def _run(self, command: list[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


@pytest.fixture(scope="session")
def istioctl() -> Path:
    """An istioctl to test with."""
    if shutil.which("kubectl") is None:
        pytest.skip("needs kubectl on PATH")
    named = os.environ.get("LABCHECK_ISTIOCTL") or shutil.which("istioctl")
    if named:
        return Path(named).absolute()
    pytest.skip("needs istioctl on PATH, or one that LABCHECK_ISTIOCTL names")


@pytest.fixture
def bare(serving: Serving, istioctl: Path, tmp_path: Path) -> Iterator[Tools]:
    """A cluster with nothing in it, not even the Gateway API's definitions."""
    with serving(tmp_path, "none") as kubeconfig:
        yield Tools(istioctl, kubeconfig)


@pytest.fixture
def installed(bare: Tools) -> Tools:
    """The same with the Gateway API's definitions and with Istio, by istioctl."""
    definitions = {"apiVersion": "v1", "kind": "List", "items": gateway_api_crds()}
    bare.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(definitions))
    bare(*INSTALL)
    return bare


@pytest.fixture(scope="module")
def mesh(serving: Serving, istioctl: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    """A cluster that came with Istio, and a shop behind a waypoint that has been visited."""
    with serving(tmp_path_factory.mktemp("mesh"), "ambient") as kubeconfig:
        tools = Tools(istioctl, kubeconfig)
        open_shop(tools.kubectl)
        tools("waypoint", "apply", "-n", "shop", "--enroll-namespace", "--wait")
        assert "x-envoy-upstream-service-time" in hello(tools.kubectl)
        yield tools


@pytest.fixture(scope="module")
def waypoint(mesh: Tools) -> str:
    """The name of the waypoint's pod."""
    return pod_of(mesh.kubectl, "shop", "gateway.networking.k8s.io/gateway-name=waypoint")


def test_an_installation_carries_traffic_through_a_waypoint(installed: Tools) -> None:
    open_shop(installed.kubectl)

    installed("waypoint", "apply", "-n", "shop", "--enroll-namespace", "--wait")

    assert "x-envoy-upstream-service-time" in hello(installed.kubectl)
    assert f"control plane version: {ISTIO}" in installed("version")


def test_installing_again_changes_nothing_that_runs(installed: Tools) -> None:
    before = installed.kubectl("-n", "istio-system", "get", "pods", "-o", "name")

    assert "Installation complete" in installed(*INSTALL)

    assert installed.kubectl("-n", "istio-system", "get", "pods", "-o", "name") == before


def test_istio_installs_without_the_gateway_api_and_then_has_no_waypoints(bare: Tools) -> None:
    assert "Installation complete" in bare(*INSTALL)

    refused = bare.run("waypoint", "apply")

    assert refused.returncode == 1
    assert "missing Kubernetes Gateway CRDs need to be installed" in refused.stderr
    assert "the server doesn't have a resource type" in bare.kubectl("get", "gatewayclass", code=1)


def test_classes_appear_when_the_gateway_api_comes_after_istio(bare: Tools) -> None:
    bare(*INSTALL)
    definitions = {"apiVersion": "v1", "kind": "List", "items": gateway_api_crds()}
    bare.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(definitions))

    bare.kubectl("wait", "--for=create", "gatewayclass/istio-waypoint", "--timeout=20s")


def test_uninstalling_removes_all_that_was_installed(installed: Tools) -> None:
    open_shop(installed.kubectl)
    installed.kubectl("label", "namespace", "shop", "istio.io/dataplane-mode-")

    assert "Uninstall complete" in installed("uninstall", "--purge", "-y")

    kinds = "clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingwebhookconfigurations"
    assert "istio" not in installed.kubectl("get", f"crds,{kinds}", "-o", "name")
    assert "No resources found" in installed.kubectl("-n", "istio-system", "get", "ds,deploy,svc,pods,hpa")
    assert "server: istio-envoy" not in hello(installed.kubectl)


def test_pods_that_are_left_in_the_mesh_are_cut_off_when_it_is_uninstalled(installed: Tools) -> None:
    open_shop(installed.kubectl)

    installed("uninstall", "--purge", "-y")
    installed.kubectl(
        "-n", "istio-system", "wait", "--for=delete", "pod", "-l", "app=ztunnel", "--timeout=20s"
    )

    curl = ("curl", "-sS", "-m", "5", "helloworld:5000/hello")
    assert "exit code 7" in installed.kubectl("-n", "shop", "exec", "client", "--", *curl, code=7)


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        pytest.param("version", 0, "Istio is not present in the cluster", id="version"),
        pytest.param("x precheck", 0, "No issues found when checking the cluster", id="precheck"),
        pytest.param("proxy-status", 1, 'no running Istio pods in "istio-system"', id="proxy-status"),
        pytest.param(
            "ztunnel-config workload", 1, 'namespaces "istio-system" not found', id="ztunnel-config"
        ),
        pytest.param("waypoint apply", 1, "missing Kubernetes Gateway CRDs", id="waypoint"),
    ],
)
def test_a_cluster_without_istio_is_told_of_as_such(bare: Tools, command: str, code: int, words: str) -> None:
    done = bare.run(*command.split())

    assert (done.returncode, words in done.stdout + done.stderr) == (code, True), done.stderr


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("version", f"control plane version: {ISTIO}"),
        ("version", f"data plane version: {ISTIO} (2 proxies)"),
        ("x precheck", "No issues found when checking the cluster"),
        ("waypoint list -A", "shop waypoint default none True"),
        ("waypoint status -n shop", "waypoint True Programmed Programmed Resource programmed, assigned to"),
        ("waypoint generate -n shop --for all", "istio.io/waypoint-for: all"),
        ("analyze -n shop", "No validation issues found when analyzing namespace: shop."),
        ("tag list", "TAG REVISION NAMESPACES default"),
        ("x check-inject client.shop", "No matching namespace labels"),
        ("ztunnel-config log", "current log level is info"),
        ("ztunnel-config policy", "NAMESPACE POLICY NAME ACTION SCOPE"),
        ("ztunnel-config workload -o json", '"protocol": "HBONE"'),
        ("ztunnel-config service -o json", '"destination": "shop/waypoint.shop.svc.cluster.local"'),
        ("ztunnel-config all", "spiffe://cluster.local/ns/shop/sa/default Root Available true"),
    ],
)
def test_a_question_is_answered(mesh: Tools, command: str, words: str) -> None:
    assert words in " ".join(mesh(*command.split()).split())


def test_workloads_are_listed_with_their_protocol(mesh: Tools, waypoint: str) -> None:
    found = {row[1]: row[-1] for row in rows(mesh("ztunnel-config", "workload"))}

    assert (found["client"], found[waypoint]) == ("HBONE", "TCP")


def test_services_are_listed_with_their_waypoint_and_endpoints(mesh: Tools) -> None:
    found = {row[1]: row[3:] for row in rows(mesh("ztunnel-config", "service"))}

    assert (found["helloworld"], found["waypoint"]) == (["waypoint", "1/1"], ["None", "1/1"])


def test_certificates_are_signed_by_the_meshs_root(mesh: Tools) -> None:
    certificates = rows(mesh("ztunnel-config", "certificate"))

    identity = "spiffe://cluster.local/ns/shop/sa/default"
    assert [row[:4] for row in certificates] == [
        [identity, kind, "Available", "true"] for kind in ("Leaf", "Root")
    ]


def test_a_policy_is_listed_as_ztunnel_enforces_it(mesh: Tools) -> None:
    mesh.kubectl("apply", "-f", "-", stdin=POLICY)
    try:
        assert ["shop", "no-strangers", "Deny", "WorkloadSelector"] in rows(mesh("ztunnel-config", "policy"))
    finally:
        mesh.kubectl("delete", "-f", "-", stdin=POLICY)


def test_a_workloads_connections_are_listed_while_they_last(mesh: Tools) -> None:
    backend = pod_of(mesh.kubectl, "shop", "app=helloworld")
    address = mesh.kubectl("-n", "shop", "get", "pod", backend, "-o", "jsonpath={.status.podIP}")
    script = f"sleep 20 | nc {address} 5000"
    command = ["kubectl", "-n", "shop", "exec", "client", "--", "sh", "-c", script]
    environment = {**os.environ, "KUBECONFIG": str(mesh.kubeconfig)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as holding:
        try:
            eventually(lambda: ["client.shop", "Outbound"] in [row[:2] for row in connections(mesh)])
        finally:
            holding.kill()


def connections(tools: Tools) -> list[list[str]]:
    return rows(tools("ztunnel-config", "connections"))


def test_every_proxy_is_connected_to_istiod(mesh: Tools, waypoint: str) -> None:
    ztunnel = pod_of(mesh.kubectl, "istio-system", "app=ztunnel")

    found = {row[0]: (row[3], " ".join(row[4:])) for row in rows(mesh("proxy-status"))}

    assert found == {
        f"{waypoint}.shop": (ISTIO, "4 (CDS,LDS,EDS,RDS)"),
        f"{ztunnel}.istio-system": (ISTIO, "2 (WADS,WDS)"),
    }


def test_there_is_no_difference_to_show_for_a_ztunnel(mesh: Tools) -> None:
    ztunnel = pod_of(mesh.kubectl, "istio-system", "app=ztunnel")

    assert "Sync diff is not available for ztunnel pod" in mesh("proxy-status", f"{ztunnel}.istio-system")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("clusters", r"helloworld\.shop\.svc\.cluster\.local +5000 +http +inbound-vip +EDS"),
        ("listeners", r"Route: inbound-vip\|5000\|http\|helloworld\.shop\.svc\.cluster\.local"),
        ("routes", r"inbound-vip\|5000\|http\|helloworld\.shop\.svc\.cluster\.local +inbound\|http\|5000"),
        ("endpoints", r"HEALTHY +OK +inbound-vip\|5000\|http\|helloworld\.shop\.svc\.cluster\.local"),
        ("bootstrap", r'"id": "waypoint~[0-9.]+~waypoint-[^"]+\.shop~shop\.svc\.cluster\.local"'),
        ("log", r"rbac: \w+"),
        ("all", r"inbound-vip"),
    ],
)
def test_a_waypoints_envoy_shows_its_configuration(mesh: Tools, waypoint: str, part: str, words: str) -> None:
    assert re.search(words, mesh("proxy-config", part, f"{waypoint}.shop"))


@pytest.mark.parametrize(
    ("mistake", "code", "finding"),
    [
        pytest.param(
            {"kind": "Service", "labels": {"istio.io/use-waypoint": "waypiont"}},
            0,
            "IST0171",
            id="a waypoint that does not exist",
        ),
        pytest.param(
            {"kind": "VirtualService", "spec": {"hosts": ["helloworld"], "gateways": ["nowhere"]}},
            79,
            "IST0101",
            id="a gateway that does not exist",
        ),
        pytest.param(
            {
                "kind": "AuthorizationPolicy",
                "spec": {"rules": [{"from": [{"source": {"namespaces": ["no"]}}]}]},
            },
            79,
            "IST0101",
            id="a namespace that does not exist",
        ),
    ],
)
def test_a_mistake_is_found(mesh: Tools, mistake: dict[str, Any], code: int, finding: str) -> None:
    namespace = "wrong"
    mesh.kubectl("create", "namespace", namespace)
    try:
        mesh.kubectl("-n", namespace, "apply", "-f", "-", stdin=json.dumps(completed(mistake)))
        eventually(lambda: finding in mesh.run("analyze", "-n", namespace).stdout)
        assert mesh.run("analyze", "-n", namespace).returncode == code
    finally:
        mesh.kubectl("delete", "namespace", namespace)


def completed(mistake: dict[str, Any]) -> dict[str, Any]:
    kind = mistake["kind"]
    versions = {"Service": "v1", "AuthorizationPolicy": "security.istio.io/v1"}
    spec = {"ports": [{"name": "http", "port": 80}]} if kind == "Service" else {}
    return {
        "apiVersion": versions.get(kind, "networking.istio.io/v1"),
        "kind": kind,
        "metadata": {"name": "wrong", "labels": mistake.get("labels", {})},
        "spec": {**spec, **mistake.get("spec", {})},
    }


def test_a_waypoint_comes_and_goes(mesh: Tools) -> None:
    mesh.kubectl("create", "namespace", "passing")

    assert "waypoint passing/second is ready!" in mesh(
        "waypoint", "apply", "-n", "passing", "--name", "second", "--for", "all", "--wait"
    )
    assert rows(mesh("waypoint", "list", "-n", "passing")) == [["second", "default", "all", "True"]]
    assert "waypoint passing/second deleted" in mesh("waypoint", "delete", "second", "-n", "passing")
    assert "No waypoints found." in mesh("waypoint", "list", "-n", "passing")


POLICY = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-strangers, namespace: shop}
spec:
  selector: {matchLabels: {app: helloworld}}
  action: DENY
  rules:
  - from: [{source: {notNamespaces: [shop]}}]
"""
