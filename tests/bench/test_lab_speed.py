"""How long a learner waits for lab 03, and what its environment weighs; on two cores.

Run with `make bench`. Each figure is the median of whole commands, as a learner's clock sees them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.bench

ROUNDS = 5


@pytest.fixture
def labcheck(tmp_path):
    environment = os.environ | {"LABCHECK_STATE": str(tmp_path)}

    def run(*arguments: str, code: int = 0) -> float:
        started = time.perf_counter()
        command = [sys.executable, "-m", "labcheck", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return time.perf_counter() - started

    yield run
    run("down", "--all")


def report(what: str, seconds: list[float], goal: float) -> None:
    median = statistics.median(seconds)
    print(f"\n{what}: median {median:.2f} s of {len(seconds)}, {min(seconds):.2f} to {max(seconds):.2f}")
    assert median <= goal


def test_up_is_ready_within_two_seconds(labcheck):
    seconds = []
    for _ in range(ROUNDS):
        seconds.append(labcheck("up", "lab-03"))
        labcheck("down", "lab-03")
    report("labcheck up lab-03", seconds, 2.0)


def test_grade_with_the_requests_that_a_share_takes_is_done_within_two_seconds(labcheck):
    labcheck("up", "lab-03")
    labcheck("solution", "lab-03", "--give-up", "--run")
    report("labcheck grade lab-03", [labcheck("grade", "lab-03") for _ in range(ROUNDS)], 2.0)


def test_reset_takes_less_than_a_second(labcheck):
    labcheck("up", "lab-03")
    seconds = []
    for _ in range(ROUNDS):
        labcheck("solution", "lab-03", "--give-up", "--run")
        seconds.append(labcheck("reset", "lab-03"))
    report("labcheck reset lab-03", seconds, 1.0)


def test_an_environment_with_a_waypoint_fits_in_200_megabytes(labcheck, tmp_path):
    labcheck("up", "lab-03")
    labcheck("solution", "lab-03", "--give-up", "--run")
    labcheck("grade", "lab-03")
    processes = served_by(tmp_path)
    kib = sum(resident(pid) for pid in processes)
    print(f"\nlab-03 solved: {kib / 1024:.0f} MiB resident in {len(processes)} processes")
    assert len(processes) == 2, "the cluster and one Envoy"
    assert kib * 1024 <= 200e6


def test_help_uses_at_most_150_ms_of_processor_time():
    command = [sys.executable, "-m", "labcheck", "--help"]
    seconds = []
    for _ in range(ROUNDS):
        before = os.times()
        subprocess.run(command, capture_output=True, check=True)
        after = os.times()
        seconds.append(
            after.children_user + after.children_system - before.children_user - before.children_system
        )
    report("labcheck --help", seconds, 0.15)


def served_by(state: Path) -> list[int]:
    """The daemon that serves an environment below `state`, and its children."""
    daemons = [int(file.read_text()) for file in state.rglob("pid")]
    return [
        int(process.name)
        for process in Path("/proc").iterdir()
        if process.name.isdecimal() and (int(process.name) in daemons or parent(process) in daemons)
    ]


def parent(process: Path) -> int:
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(fields[1])


def resident(pid: int) -> int:
    """KiB of memory; what two processes share is counted once for each."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def test_a_loop_of_300_curls_in_one_exec_takes_at_most_a_second(labcheck, tmp_path):
    labcheck("up", "lab-03")
    labcheck("solution", "lab-03", "--give-up", "--run")
    kubeconfig = next(tmp_path.rglob("kubeconfig"))
    namespace = probe_namespace(kubeconfig)
    loop = "for i in $(seq 300); do curl -s http://helloworld:5000/hello; done"
    command = ["kubectl", "exec", "client", "-n", namespace, "--", "sh", "-c", loop]
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        done = subprocess.run(
            command,
            env=os.environ | {"KUBECONFIG": str(kubeconfig)},
            capture_output=True,
            text=True,
            check=True,
        )
        seconds.append(time.perf_counter() - started)
        assert done.stdout.count("Hello version") == 300
    report("300 requests through a waypoint, in one exec", seconds, 1.0)


def probe_namespace(kubeconfig: Path) -> str:
    """Where the pod `client` is; its name is drawn by the seed."""
    command = ["kubectl", "get", "pods", "-A", "--field-selector", "metadata.name=client"]
    found = subprocess.run(
        [*command, "-o", "jsonpath={.items[0].metadata.namespace}"],
        env=os.environ | {"KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout
