"""What CI is for: every lab of this repository, proved on the real embedded cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LABS = ROOT / "labs"
HELMS = [str(place) for place in sorted((ROOT / ".cache" / "tools").glob("helm-*"))]
"""Those that the clients' tests have built, for pages that need one."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on PATH"),
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("options", [[], ["--mutate", "--seeds", "1"]], ids=["honest", "spoilt"])
@pytest.mark.parametrize("lab", sorted(path.parent.name for path in LABS.glob("*/lab.yaml")))
def test_a_lab_is_honest_and_notices_what_is_spoilt(lab: str, options: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "labcheck", "--labs", str(LABS), "verify", lab, *options]
    path = os.pathsep.join([os.environ["PATH"], *HELMS])
    environment = os.environ | {"LABCHECK_STATE": str(tmp_path), "PATH": path}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
