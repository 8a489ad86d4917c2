"""A real disk without room, under the real embedded cluster: it is said, and nothing is left running."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

LABS = Path(__file__).parents[1] / "labs"


@pytest.fixture(params=["64k", "1m"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={request.param}", "tmpfs", str(tmp_path)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_up_on_a_disk_that_fills_says_so_and_leaves_nothing(small_disk: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "labcheck", "--labs", str(LABS), "up", "lab-90"],
        env=os.environ | {"LABCHECK_STATE": str(small_disk)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "disk" in done.stderr
    assert not list(small_disk.rglob("pid"))
