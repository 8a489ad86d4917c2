"""The stand-in for istioctl against the server, in the words that test_istioctl wants of the real one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pocketmesh.istioctl.cli import main
from pocketmesh.schema.crds import gateway_api_crds
from pocketmesh.versions import ISTIO

from ..conftest import Serving
from .shop import eventually, hello, open_shop, pod_of, rows

INSTALL = "install --set profile=ambient -y"


@dataclass(frozen=True)
class Tools:
    """The stand-in and kubectl, with one cluster."""

    kubeconfig: Path
    binary: Path
    captured: Callable[[], Any]

    def run(self, command: str) -> tuple[int, str]:
        """The stand-in's exit code and what it printed."""
        self.captured()
        code = main(["--kubeconfig", str(self.kubeconfig), *command.split()])
        out, err = self.captured()
        return code, out + err

    def __call__(self, command: str) -> str:
        """The stand-in, which succeeds."""
        code, printed = self.run(command)
        assert code == 0, printed
        return printed

    def kubectl(self, *arguments: str, stdin: str = "", code: int = 0) -> str:
        """kubectl, which ends with this exit code; returns what was printed."""
        done = subprocess.run(
            [self.binary, "--kubeconfig", str(self.kubeconfig), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture
def bare(bare_cluster: Path, newest_kubectl: Path, capsys: pytest.CaptureFixture[str]) -> Tools:
    return Tools(bare_cluster, newest_kubectl, capsys.readouterr)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, serving: Serving, newest_kubectl: Path) -> Iterator[Path]:
    """A cluster that came with Istio, and a shop behind its only waypoint."""
    with serving(tmp_path_factory.mktemp("shop"), "ambient") as kubeconfig:
        open_shop(Tools(kubeconfig, newest_kubectl, lambda: ("", "")).kubectl)
        where = ["--kubeconfig", str(kubeconfig), "-n", "shop"]
        assert main([*where, "waypoint", "apply", "--enroll-namespace", "--wait"]) == 0
        yield kubeconfig


@pytest.fixture
def mesh(shop: Path, newest_kubectl: Path, capsys: pytest.CaptureFixture[str]) -> Tools:
    return Tools(shop, newest_kubectl, capsys.readouterr)


def gateway_api() -> str:
    """The definitions as a learner applies them: upstream's where they are at hand, else our own."""
    shared = Path(__file__).parents[2] / os.environ.get("LABCHECK_SHARED", "../shared")
    pages = sorted((shared / "data/crds/gateway-api-v1.5.1").glob("gateway.networking.k8s.io_*.yaml"))
    if pages:
        return "\n---\n".join(page.read_text() for page in pages)
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": gateway_api_crds()})


def test_istio_comes_and_goes_and_comes_again(bare: Tools) -> None:
    """One story, because every part of it stands on the one before."""
    assert "Istio is not present in the cluster" in bare("version")
    assert bare.run("proxy-status") == (1, 'Error: no running Istio pods in "istio-system"\n')
    assert 'namespaces "istio-system" not found' in bare.run("ztunnel-config workload")[1]
    assert "missing Kubernetes Gateway CRDs need to be installed" in bare.run("waypoint apply")[1]

    printed = bare(INSTALL)
    said = [line.removeprefix("✔ ")[:-2].strip() for line in printed.splitlines() if line.startswith("✔")]
    assert said[:4] == ["Istio core installed", "Istiod installed", "CNI installed", "Ztunnel installed"]
    assert f"control plane version: {ISTIO}" in bare("version")
    assert "the server doesn't have a resource type" in bare.kubectl("get", "gatewayclass", code=1)

    bare.kubectl("apply", "--server-side", "-f", "-", stdin=gateway_api())
    eventually(lambda: "istio-waypoint" in bare.kubectl("get", "gatewayclass", "-o", "name"))
    open_shop(bare.kubectl)
    bare("waypoint apply -n shop --enroll-namespace --wait")
    assert "x-envoy-upstream-service-time" in hello(bare.kubectl)

    pods = bare.kubectl("-n", "istio-system", "get", "pods", "-o", "name")
    assert "Installation complete" in bare(INSTALL)
    assert bare.kubectl("-n", "istio-system", "get", "pods", "-o", "name") == pods

    bare("waypoint delete -n shop")
    bare.kubectl("label", "namespace", "shop", "istio.io/dataplane-mode-", "istio.io/use-waypoint-")
    assert "Uninstall complete" in bare("uninstall --purge -y")
    kinds = "clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingwebhookconfigurations"
    assert "istio" not in bare.kubectl("get", f"crds,{kinds}", "-o", "name").replace("gateway", "")
    eventually(
        lambda: "No resources found" in bare.kubectl("-n", "istio-system", "get", "ds,deploy,svc,pods,hpa")
    )
    assert "x-envoy" not in hello(bare.kubectl)

    bare(INSTALL)
    bare.kubectl("label", "namespace", "shop", "istio.io/dataplane-mode=ambient")
    eventually(lambda: "HBONE" in bare("zc workload --workload-namespace shop"))
    assert "200 OK" in hello(bare.kubectl)

    bare.kubectl("-n", "istio-system", "scale", "deployment", "istiod", "--replicas=0")
    bare.kubectl("-n", "istio-system", "wait", "--for=delete", "pod", "-l", "app=istiod", "--timeout=20s")
    refused = bare.kubectl("apply", "-f", "-", stdin=INERT.replace("DENY", "ALLOW"), code=1)
    assert 'failed calling webhook "validation.istio.io": failed to call webhook: Post ' in refused
    assert 'no endpoints available for service "istiod"' in refused


def test_another_profile_has_no_ambient_mode_and_takes_away_what_was_there(bare: Tools) -> None:
    bare.kubectl("apply", "--server-side", "-f", "-", stdin=gateway_api())
    bare(INSTALL)

    printed = bare("install -y")
    assert "  Removed apps/v1, Kind=DaemonSet/ztunnel.istio-system.\n" in printed
    assert "Ingress gateways left out" in printed
    assert printed.splitlines()[-1] == "Made this installation the default for cluster-wide operations."

    bare.kubectl("-n", "istio-system", "scale", "deployment", "istiod", "--replicas=1")
    bare.kubectl("delete", "gatewayclass", "--all")
    eventually(lambda: "istio " in bare.kubectl("get", "gatewayclass"))
    assert "istio-waypoint" not in bare.kubectl("get", "gatewayclass")


def test_istiod_refuses_a_policy_that_means_nothing(mesh: Tools) -> None:
    refused = mesh.kubectl("apply", "-f", "-", stdin=INERT, code=1)
    assert (
        'admission webhook "validation.istio.io" denied the request: configuration is invalid: DENY'
        in refused
    )


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("version", f"control plane version: {ISTIO}"),
        ("version", f"data plane version: {ISTIO} (2 proxies)"),
        ("version -o json", f'"IstioVersion": "{ISTIO}"'),
        ("waypoint list -A", "shop waypoint default none True"),
        ("waypoint list -n default", "No waypoints found."),
        ("waypoint status -n shop", "waypoint True Programmed Programmed Resource programmed, assigned to"),
        ("waypoint generate -n shop --for all", "istio.io/waypoint-for: all"),
        ("analyze -n shop", "No validation issues found when analyzing namespace: shop."),
        ("ztunnel-config log", "current log level is info"),
        ("ztunnel-config policy", "NAMESPACE POLICY NAME ACTION SCOPE"),
        ("ztunnel-config workload -o json", '"protocol": "HBONE"'),
        ("ztunnel-config service -o json", '"destination": "shop/waypoint.shop.svc.cluster.local"'),
        ("ztunnel-config all", "spiffe://cluster.local/ns/shop/sa/default Root Available true"),
    ],
)
def test_a_question_is_answered(mesh: Tools, command: str, words: str) -> None:
    assert words in " ".join(mesh(command).split())


def test_workloads_are_listed_with_their_protocol(mesh: Tools) -> None:
    waypoint = pod_of(mesh.kubectl, "shop", "gateway.networking.k8s.io/gateway-name=waypoint")
    listed = {row[1]: row[-1] for row in rows(mesh("zc workload"))}
    assert (listed["client"], listed[waypoint]) == ("HBONE", "TCP")


def test_services_are_listed_with_their_waypoint_and_endpoints(mesh: Tools) -> None:
    listed = {row[1]: row[3:] for row in rows(mesh("zc service --service-namespace shop"))}
    assert listed == {"helloworld": ["waypoint", "1/1"], "waypoint": ["None", "1/1"]}


def test_every_proxy_is_connected_to_istiod(mesh: Tools) -> None:
    waypoint = pod_of(mesh.kubectl, "shop", "gateway.networking.k8s.io/gateway-name=waypoint")
    ztunnel = pod_of(mesh.kubectl, "istio-system", "app=ztunnel")
    assert {row[0]: (row[3], " ".join(row[4:])) for row in rows(mesh("ps"))} == {
        f"{waypoint}.shop": (ISTIO, "4 (CDS,LDS,EDS,RDS)"),
        f"{ztunnel}.istio-system": (ISTIO, "2 (WADS,WDS)"),
    }
    assert "Sync diff is not available for ztunnel pod" in mesh(f"ps {ztunnel}.istio-system")


def test_a_waypoint_comes_and_goes(mesh: Tools) -> None:
    mesh.kubectl("create", "namespace", "passing")
    assert "waypoint passing/second is ready!" in mesh(
        "waypoint apply -n passing --name second --for all --wait"
    )
    assert rows(mesh("waypoint list -n passing")) == [["second", "default", "all", "True"]]
    assert mesh("waypoint delete second -n passing") == "waypoint passing/second deleted\n"
    assert mesh("waypoint delete second -n passing") == "waypoint passing/second not found\n"


def test_a_namespace_keeps_the_waypoint_that_it_uses(mesh: Tools) -> None:
    printed = mesh("waypoint apply -n shop --name other --enroll-namespace")
    assert printed.startswith("Warning: namespace (shop) already has an enrolled Waypoint.")
    assert "other" not in mesh("waypoint list -n shop")


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("waypoint apply -n nowhere", 1, "namespace: nowhere not found"),
        ("waypoint apply --name none", 1, "invalid name provided for waypoint, 'none' is a reserved value"),
        ("waypoint apply --for pods", 1, "invalid traffic type: pods. Valid options are: all, none, service"),
        ("waypoint apply --nonsense", 64, "No such option"),
        (
            "proxy-config clusters x",
            64,
            "this stand-in for istioctl has no `proxy-config`; the real istioctl",
        ),
        ("nonsense", 64, "No such command"),
        (
            "install --set profile=remote -y",
            1,
            "has the profiles ambient, default, demo, minimal, not remote",
        ),
        ("install --set profile=ambient --set revision=canary", 1, "does not know the setting revision"),
        ("uninstall -y", 64, "--purge"),
        ("zc workload missing", 1, 'pods "missing" not found'),
    ],
)
def test_what_cannot_be_is_refused(mesh: Tools, command: str, code: int, words: str) -> None:
    ended, printed = mesh.run(command)
    assert (ended, words in printed) == (code, True), printed


def test_a_mistake_is_found(mesh: Tools) -> None:
    mesh.kubectl("create", "namespace", "wrong")
    mesh.kubectl("-n", "wrong", "apply", "-f", "-", stdin=WRONG)
    code, printed = mesh.run("analyze -n wrong")
    assert (code, 'Referenced gateway not found: "nowhere"' in printed) == (79, True), printed
    eventually(lambda: "(Service wrong/wrong) A condition with" in mesh.run("analyze -A")[1])


def test_it_says_what_it_is_only_once(mesh: Tools) -> None:
    mark = mesh.kubeconfig.parent / ".istioctl-stand-in"
    mark.unlink()
    assert ["stand-in" in mesh("version") for _ in range(2)] == [True, False]


INERT = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: inert, namespace: shop}
spec: {action: DENY}
"""

WRONG = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: wrong}
spec: {hosts: [helloworld], gateways: [nowhere], http: [{route: [{destination: {host: wrong}}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: wrong, labels: {istio.io/use-waypoint: waypiont}}
spec: {ports: [{name: http, port: 80}]}
"""
