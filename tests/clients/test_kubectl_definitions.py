"""Upstream's definitions, applied with kubectl as they are."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="module")
def installed(in_new_namespace: Any, bundles: list[str]) -> Any:
    """kubectl on a cluster that has them."""
    kubectl = in_new_namespace()
    for bundle in bundles:
        kubectl("apply", "--server-side", "-f", bundle)
    return kubectl


def test_bundles_apply_twice(installed: Any, bundles: list[str]) -> None:
    for bundle in bundles:
        said = installed("apply", "--server-side", "-f", bundle).splitlines()
        assert said
        assert all(line.endswith(" serverside-applied") for line in said)


def test_bundles_need_no_change_when_they_are_applied(installed: Any, bundles: list[str]) -> None:
    for bundle in bundles:
        assert installed("diff", "--server-side", "-f", bundle) == ""


def test_definitions_are_established(installed: Any) -> None:
    waited = installed("wait", "--for=condition=Established", "crd", "--all", "--timeout=10s").splitlines()
    assert len([line for line in waited if line.endswith("condition met")]) >= 23


def test_their_fields_are_explained(installed: Any) -> None:
    said = installed("explain", "httproute.spec.rules.backendRefs.weight")
    assert "weight <integer>" in said
    assert "proportion" in said


def test_their_objects_have_columns_and_short_names(installed: Any) -> None:
    installed("apply", "-f", "-", stdin=ROUTE)
    header, row = installed("get", "httproute").splitlines()
    assert header.split() == ["NAME", "HOSTNAMES", "AGE"]
    assert row.split()[:2] == ["r", '["example.com"]']
    assert installed("get", "gc,gtw,refgrant,vs,dr,se,ap,pa") == ""


def test_defaults_are_filled_in_and_rules_are_asked(installed: Any) -> None:
    installed("apply", "-f", "-", stdin=ROUTE)
    route = json.loads(installed("get", "httproute", "r", "-o", "json"))
    assert route["spec"]["rules"][0]["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
    refused = installed.run("apply", "-f", "-", stdin=ROUTE.replace(", port: 80", ""))
    assert "Must have port for Service reference" in refused.stderr


def test_older_versions_are_gone_forever(installed: Any) -> None:
    crd = json.loads(installed("get", "crd", "gatewayclasses.gateway.networking.k8s.io", "-o", "json"))
    crd["metadata"]["annotations"]["gateway.networking.k8s.io/bundle-version"] = "v1.4.0"
    refused = installed.run("replace", "-f", "-", stdin=json.dumps(crd))
    assert "ValidatingAdmissionPolicy 'safe-upgrades.gateway.networking.k8s.io'" in refused.stderr
    assert "Installing CRDs with version before v1.5.0 is prohibited by default" in refused.stderr
