"""The examples of pytest on the page about kind, as they stand there, on clusters that need no images."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAKE_KIND = ROOT / "tests" / "labcheck" / "environments" / "kind" / "fake_kind.py"
CONFTEST, TEST, WITH_PYTEST_KIND = re.findall(
    r"^```python\n(.*?)^```$",
    (ROOT / "site" / "kind.md").read_text(encoding="utf-8"),
    re.DOTALL | re.MULTILINE,
)
Suite = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """Runs a suite of somebody's own with that conftest and the page's test, beside a folder of labs."""
    labs = tmp_path / "labs"
    labs.mkdir()
    (labs / "lab-03-waypoint").symlink_to(ROOT / "labs" / "lab-03-waypoint")
    (labs / "lab-90-sample").symlink_to(ROOT / "tests" / "labcheck" / "labs" / "lab-90-sample")
    (tmp_path / "test_own.py").write_text(TEST)

    def run(conftest: str, *words: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "conftest.py").write_text(conftest)
        always = ["-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", f"--basetemp={tmp_path / 't'}"]
        return subprocess.run(
            [sys.executable, "-m", "pytest", *always, *words, "test_own.py"],
            cwd=tmp_path,
            env=os.environ | {"FAKE_KIND": str(tmp_path / "clusters")},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.slow
def test_a_suite_of_ones_own_has_the_lab(suite: Suite, tmp_path: Path) -> None:
    done = suite(CONFTEST, "--provider", "embedded")
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((tmp_path / "t").glob("labcheck*/environments/*/")) == []


@pytest.mark.slow
def test_pytest_kinds_cluster_gets_the_lab(suite: Suite, tmp_path: Path) -> None:
    pytest.importorskip("pytest_kind", reason="needs the extra [kind]")
    (tmp_path / "clusters").mkdir()
    kind = tmp_path / "kind"
    kind.write_text(f'#!/bin/sh\nexec {sys.executable} {FAKE_KIND} "$@"\n')
    kind.chmod(0o755)
    programs = ["--kind-bin", str(kind), "--kind-kubectl-bin", str(shutil.which("kubectl"))]
    done = suite(WITH_PYTEST_KIND, "--provider", "existing", "--lab-context", "kind-pytest-kind", *programs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((tmp_path / "clusters").iterdir()) == []
