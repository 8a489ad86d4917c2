"""`pocketmesh trace`, of a cluster that it knows by its kubeconfig only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from .conftest import Kubectl

Trace = Callable[..., subprocess.CompletedProcess[str]]
CURL = "docker.io/curlimages/curl:8.16.0"


@pytest.fixture
def trace(kubectl: Kubectl) -> Trace:
    """Runs the command on the cluster of a kubectl whose namespace has a pod `client`."""
    kubectl("run", "client", f"--image={CURL}", "--command", "--", "sleep", "infinity")
    kubectl("wait", "--for=condition=Ready", "pod/client")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pocketmesh", "trace", *words]
        return subprocess.run(
            command, env=os.environ | kubectl.environment, capture_output=True, text=True, check=False
        )

    return run


def test_the_way_is_told_station_by_station(trace: Trace, kubectl: Kubectl) -> None:
    done = trace(f"{kubectl.namespace}/client", "http://nowhere/")
    assert done.returncode == 0
    assert "asks the DNS for nowhere  (nobody has this name)" in done.stdout
    assert done.stdout.endswith("curl: (6) Could not resolve host: nowhere\n")


def test_it_is_told_to_programs_and_drawn(trace: Trace, kubectl: Kubectl, tmp_path: Path) -> None:
    picture = tmp_path / "way.svg"
    done = trace(
        f"{kubectl.namespace}/client", "http://nowhere/", "-X", "PUT", "--json", "--svg", str(picture)
    )
    assert json.loads(done.stdout)["request"] == "PUT http://nowhere/"
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")


def test_the_host_is_a_client_too(trace: Trace) -> None:
    assert "from the host" in trace("host", "http://10.96.0.1:1/").stdout


def test_a_pod_that_is_not_there_is_named(trace: Trace, kubectl: Kubectl) -> None:
    done = trace(f"{kubectl.namespace}/nobody", "http://nowhere/")
    assert done.returncode == 1
    assert f'no running pod "nobody" in namespace "{kubectl.namespace}"' in done.stderr
