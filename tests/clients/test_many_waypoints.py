"""Twenty waypoints in one cluster: each a real Envoy, and none of them left when the cluster ends."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import orjson
import pytest

from ..conftest import Serving
from .conftest import wait_for

pytestmark = pytest.mark.slow

COUNT = 20


def gateways() -> bytes:
    return orjson.dumps(
        {
            "apiVersion": "v1",
            "kind": "List",
            "items": [
                {
                    "apiVersion": "gateway.networking.k8s.io/v1",
                    "kind": "Gateway",
                    "metadata": {"name": f"waypoint-{number}", "namespace": "default"},
                    "spec": {
                        "gatewayClassName": "istio-waypoint",
                        "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
                    },
                }
                for number in range(COUNT)
            ],
        }
    )


def envoys(state: Path) -> list[int]:
    """The processes of Envoys that were started with a configuration below the state."""
    daemon = (state / "pid").read_text()
    return [int(pid) for pid in Path(f"/proc/{daemon}/task/{daemon}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_twenty_waypoints_become_programmed_and_leave_nothing_behind(
    serving: Serving, tmp_path: Path, newest_kubectl: Path
) -> None:
    with serving(tmp_path, "ambient") as kubeconfig:
        command = [newest_kubectl, "--kubeconfig", str(kubeconfig)]
        subprocess.run([*command, "apply", "-f", "-"], input=gateways(), check=True, capture_output=True)
        waiting = ["wait", "--for=condition=Programmed", "gtw", "--all", "--timeout=120s"]
        subprocess.run([*command, *waiting], check=True, capture_output=True)
        running = envoys(kubeconfig.parent)
        assert len(running) == COUNT
    wait_for(lambda: not any(alive(pid) for pid in running))
    assert not (kubeconfig.parent / "run").exists()
