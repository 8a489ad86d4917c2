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


def test_grade_with_a_sample_of_400_requests_takes_at_most_two_seconds(labcheck):
    labcheck("up", "lab-03")
    labcheck("solution", "lab-03", "--run")
    report("labcheck grade lab-03", [labcheck("grade", "lab-03") for _ in range(ROUNDS)], 2.0)


def test_reset_takes_less_than_a_second(labcheck):
    labcheck("up", "lab-03")
    seconds = []
    for _ in range(ROUNDS):
        labcheck("solution", "lab-03", "--run")
        seconds.append(labcheck("reset", "lab-03"))
    report("labcheck reset lab-03", seconds, 1.0)


def test_an_environment_with_a_waypoint_fits_in_200_megabytes(labcheck, tmp_path):
    labcheck("up", "lab-03")
    labcheck("solution", "lab-03", "--run")
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
