"""How soon the mesh follows kubectl, and how soon a waypoint is back whose Envoy was killed; on two cores.

A cluster of its own, a real kubectl, and curl in a pod, which is asked again until it sees the change.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labcheck.kube import Cluster, connect

pytestmark = pytest.mark.bench

NAMESPACE = "observatory"
URL = "http://helloworld:5000/hello"
ROUNDS = 15
PATIENCE = 10.0


class Solved:
    """Lab 03, solved."""

    def __init__(self, state: Path) -> None:
        self._environment = os.environ | {"LABCHECK_STATE": str(state)}
        self.labcheck("up", "lab-03", "--seed", "1")
        self.labcheck("solution", "lab-03", "--give-up", "--run")
        self.folder = state / "environments" / "lab-03-waypoint"
        self.cluster: Cluster = connect(self.folder / "kubeconfig")
        self.client = self.cluster.shell(NAMESPACE, "client")

    def labcheck(self, *words: str) -> None:
        command = [sys.executable, "-m", "labcheck", *words]
        subprocess.run(command, env=self._environment, check=True, capture_output=True)

    def kubectl(self, *words: str) -> None:
        program = shutil.which("kubectl")
        assert program
        command = [program, "--kubeconfig", str(self.folder / "kubeconfig"), *words]
        subprocess.run(command, check=True, capture_output=True)

    def curl(self) -> tuple[int, str]:
        """The status and the body that the client sees now; 0 for no answer."""
        done = self.client.run(f"curl -s -m 2 -w '\\n%{{http_code}}' {URL}", 5)
        body, _, status = done.output.rpartition("\n")
        return int(status or 0), body

    def seconds_until(self, holds: Callable[[tuple[int, str]], bool]) -> float:
        started = time.perf_counter()
        while not holds(self.curl()):
            assert time.perf_counter() < started + PATIENCE
        return time.perf_counter() - started


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Solved]:
    lab = Solved(tmp_path_factory.mktemp("state"))
    yield lab
    lab.client.close()
    lab.cluster.close()
    lab.labcheck("down", "--all")


def report(what: str, seconds: list[float], goal: float) -> None:
    median = statistics.median(seconds)
    print(f"\n{what}: median {median * 1000:.0f} ms of {len(seconds)}, at most {max(seconds) * 1000:.0f} ms")
    assert median <= goal


def test_a_changed_route_is_effective_within_a_tenth_of_a_second(solved: Solved) -> None:
    seconds = []
    for round_ in range(ROUNDS):
        version = f"v{round_ % 2 + 1}"
        backend = {"name": f"helloworld-{version}", "port": 5000}
        patch = json.dumps({"spec": {"rules": [{"backendRefs": [backend]}]}})
        solved.kubectl("patch", "httproute", "helloworld", "-n", NAMESPACE, "--type=merge", "-p", patch)
        seconds.append(solved.seconds_until(lambda seen, version=version: version in seen[1]))
    report("a changed HTTPRoute", seconds, 0.1)


def test_a_policy_is_effective_within_a_tenth_of_a_second(solved: Solved, tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "lighthouse"}
    deny = {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "nobody", "namespace": NAMESPACE},
        "spec": {"targetRefs": [target]},
    }
    policy.write_text(json.dumps(deny))
    seconds = []
    for round_ in range(ROUNDS):
        solved.kubectl("delete" if round_ % 2 else "apply", "-f", str(policy))
        wanted = 200 if round_ % 2 else 403
        seconds.append(solved.seconds_until(lambda seen, wanted=wanted: seen[0] == wanted))
    solved.kubectl("delete", "--ignore-not-found", "-f", str(policy))
    report("an AuthorizationPolicy at a waypoint", seconds, 0.1)


def test_a_waypoint_whose_envoy_was_killed_is_back_within_a_second(solved: Solved) -> None:
    solved.seconds_until(lambda seen: seen[0] == 200)
    os.kill(envoy_of(solved.folder), signal.SIGKILL)
    solved.seconds_until(lambda seen: seen[0] != 200)
    seconds = solved.seconds_until(lambda seen: seen[0] == 200)
    print(f"\na killed Envoy is back after {seconds:.2f} s")
    assert seconds <= 1.0


def envoy_of(folder: Path) -> int:
    """The process id of the only Envoy of a cluster."""
    daemon = int((folder / "cluster" / "pid").read_text())
    children = Path(f"/proc/{daemon}/task/{daemon}/children").read_text().split()
    assert len(children) == 1
    return int(children[0])
