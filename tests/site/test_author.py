"""The page about writing labs, carried out from its first block to its last."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labcheck.lab.blocks import blocks

PAGE = Path(__file__).parents[2] / "site" / "author.md"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on PATH"),
]


@pytest.mark.timeout(300)
def test_the_page_makes_a_lab_that_is_honest(tmp_path: Path) -> None:
    shim = tmp_path / "bin" / "labcheck"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m labcheck "$@"\n')
    shim.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{shim.parent}:{os.environ['PATH']}",
        "LABCHECK_STATE": str(tmp_path / "state"),
    }
    said = []
    for block in blocks(PAGE, PAGE.read_text(encoding="utf-8").split("\n"), 1):
        if block.run:
            done = subprocess.run(
                ["bash", "-e", "-c", block.text],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            said.append(done.stdout)
            assert done.returncode == 0, f"{PAGE}:{block.line}\n{done.stdout}{done.stderr}"
    output = "".join(said)
    assert "not yet honest, exit code 1" in output
    assert "1 labs, no problems." in output
    assert "not yet, exit code 1" in output
    assert output.count(" 0 problems") == 2
