"""Upstream's definitions, applied with kubectl as they are."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r}
spec:
  hostnames: [example.com]
  rules: [{backendRefs: [{name: v, port: 80}]}]
"""


@pytest.fixture(scope="module")
def bundles() -> list[str]:
    """The files of Gateway API and of Istio, each as kubectl's `-f` takes it."""
    root = Path(__file__).parents[2]
    folder = (root / os.environ.get("LABCHECK_SHARED", "../shared") / "data/crds").resolve()
    if not folder.is_dir():
        pytest.skip(f"no upstream data in {folder}; set LABCHECK_SHARED")
    return [str(path) for path in sorted(folder.iterdir())]


@dataclass(frozen=True)
class Kubectl:
    """One kubectl, as the administrator of one cluster."""

    binary: Path
    environment: dict[str, str]

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Runs to its end, whatever the exit code."""
        command = [self.binary, *arguments]
        return subprocess.run(
            command, env=self.environment, input=stdin, capture_output=True, text=True, check=False
        )

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """Runs and succeeds; returns what was printed."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"{arguments}: {done.returncode}: {done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def installed(
    binary: Path, bare_cluster: Path, bundles: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Kubectl:
    """kubectl on a cluster that has them."""
    home = tmp_path_factory.mktemp("home")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(bare_cluster)}
    kubectl = Kubectl(binary, environment)
    for bundle in bundles:
        kubectl("apply", "--server-side", "-f", bundle)
    return kubectl


def test_bundles_apply_twice(installed: Kubectl, bundles: list[str]) -> None:
    for bundle in bundles:
        said = installed("apply", "--server-side", "-f", bundle).splitlines()
        assert said
        assert all(line.endswith(" serverside-applied") for line in said)


def test_bundles_need_no_change_when_they_are_applied(installed: Kubectl, bundles: list[str]) -> None:
    for bundle in bundles:
        assert installed("diff", "--server-side", "-f", bundle) == ""


def test_definitions_are_established(installed: Kubectl) -> None:
    waited = installed("wait", "--for=condition=Established", "crd", "--all", "--timeout=10s").splitlines()
    assert len([line for line in waited if line.endswith("condition met")]) >= 23


def test_their_fields_are_explained(installed: Kubectl) -> None:
    said = installed("explain", "httproute.spec.rules.backendRefs.weight")
    assert "weight <integer>" in said
    assert "proportion" in said


def test_their_objects_have_columns_and_short_names(installed: Kubectl) -> None:
    installed("apply", "-f", "-", stdin=ROUTE)
    header, row = installed("get", "httproute").splitlines()
    assert header.split() == ["NAME", "HOSTNAMES", "AGE"]
    assert row.split()[:2] == ["r", '["example.com"]']
    assert installed("get", "gc,gtw,refgrant,vs,dr,se,ap,pa") == ""


def test_defaults_are_filled_in_and_rules_are_asked(installed: Kubectl) -> None:
    installed("apply", "-f", "-", stdin=ROUTE)
    route = json.loads(installed("get", "httproute", "r", "-o", "json"))
    assert route["spec"]["rules"][0]["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
    refused = installed.run("apply", "-f", "-", stdin=ROUTE.replace(", port: 80", ""))
    assert "Must have port for Service reference" in refused.stderr


def test_older_versions_are_gone_forever(installed: Kubectl) -> None:
    crd = json.loads(installed("get", "crd", "gatewayclasses.gateway.networking.k8s.io", "-o", "json"))
    crd["metadata"]["annotations"]["gateway.networking.k8s.io/bundle-version"] = "v1.4.0"
    refused = installed.run("replace", "-f", "-", stdin=json.dumps(crd))
    assert "ValidatingAdmissionPolicy 'safe-upgrades.gateway.networking.k8s.io'" in refused.stderr
    assert "Installing CRDs with version before v1.5.0 is prohibited by default" in refused.stderr
