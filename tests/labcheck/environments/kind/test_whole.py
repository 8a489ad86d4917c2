"""Everything for real, on a machine with an engine, images and the internet: `pytest -m kind`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.kind, pytest.mark.timeout(1800)]

LABS = Path(__file__).parents[4] / "labs"


def test_a_lab_is_played_from_up_to_down(tmp_path: Path) -> None:
    def labcheck(*words: str) -> int:
        return subprocess.run(
            [sys.executable, "-m", "labcheck", "--labs", str(LABS), *words],
            env=os.environ | {"LABCHECK_STATE": str(tmp_path)},
            check=False,
        ).returncode

    if labcheck("doctor", "--provider", "kind") != 0:
        pytest.skip("this machine cannot run labs on kind: labcheck doctor --provider kind")
    try:
        assert labcheck("up", "lab-03", "--provider", "kind") == 0
        assert labcheck("grade", "lab-03") == 1
        assert labcheck("solution", "lab-03", "--give-up", "--run") == 0
        assert labcheck("grade", "lab-03") == 0
        assert labcheck("reset", "lab-03") == 0
        assert labcheck("grade", "lab-03") == 1
    finally:
        assert labcheck("down", "lab-03") == 0
