"""The Gateway API's own conformance suite, run by Go against a cluster of its own.

Its report is left in build/conformance/mesh.yaml, in the form in which implementations publish theirs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..conftest import Serving

ROOT = Path(__file__).parents[2]
SUITE = Path(__file__).parent
REPORT = ROOT / "build" / "conformance" / "mesh.yaml"
LAST_LINES = 12

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def kubeconfig(serving: Serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of a new cluster with Istio's ambient mesh."""
    with serving(tmp_path_factory.mktemp("cluster"), "ambient") as kubeconfig:
        yield kubeconfig


@pytest.fixture(scope="module")
def report(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the suite says when it has run to its end."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("needs Go to build and run the Gateway API's conformance suite")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.unlink(missing_ok=True)
    done = subprocess.run(
        ["nice", go, "test", "-count=1", "-timeout=20m", "-json", "."],
        cwd=SUITE,
        env={
            **os.environ,
            "KUBECONFIG": str(request.getfixturevalue("kubeconfig")),
            "REPORT": str(REPORT),
            "VERSION": version("labcheck"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{failures(done.stdout)}{done.stderr}", pytrace=False)
    return dict(yaml.safe_load(REPORT.read_text()))


def failures(events: str) -> str:
    """The last lines of each test that failed; of a build that failed, the compiler's."""
    lines, failed = defaultdict[str, list[str]](list), list[str]()
    for event in map(json.loads, events.splitlines()):
        name = event.get("Test") or event.get("ImportPath") or event.get("Package", "")
        if "Output" in event:
            lines[name].append(event["Output"])
        elif event["Action"] in ("fail", "build-fail"):
            failed.append(name)
    return "".join(f"\n{name}\n{''.join(lines[name][-LAST_LINES:])}" for name in failed)


def test_the_core_of_every_mesh_profile_is_supported(report: dict[str, Any]) -> None:
    found = {profile["name"]: profile["core"] for profile in report["profiles"]}

    assert {name: core["result"] for name, core in found.items()} == {
        "MESH-HTTP": "success",
        "MESH-GRPC": "success",
    }
    assert all(core["statistics"]["Passed"] for core in found.values())


def test_all_that_istio_supports_in_an_ambient_mesh_is_supported(report: dict[str, Any]) -> None:
    extended = {profile["name"]: profile.get("extended") for profile in report["profiles"]}["MESH-HTTP"]

    assert extended["result"] == "success"
    assert extended["unsupportedFeatures"] == ["MeshConsumerRoute"]


def test_provisional_tests_pass_too(report: dict[str, Any]) -> None:
    assert report["succeededProvisionalTests"] == [
        "MeshHTTPRoute303Redirect",
        "MeshHTTPRoute308Redirect",
        "MeshHTTPRouteNamedRule",
    ]


def test_the_report_is_of_the_version_that_the_cluster_serves(report: dict[str, Any]) -> None:
    assert (report["gatewayAPIVersion"], report["gatewayAPIChannel"]) == ("v1.5.1", "standard")
