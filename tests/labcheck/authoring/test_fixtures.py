from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CONFTEST = 'pytest_plugins = ["labcheck.authoring.fixtures"]\n'
TEST = """\
from pathlib import Path

import pytest

from labcheck.kube import connect


@pytest.fixture(scope="session")
def lab(start_lab):
    return start_lab(Path({lab!r}))


def test_the_client_is_there(lab):
    with connect(lab.kubeconfig) as cluster:
        assert cluster.all(cluster.kind("Pod"), lab.record().namespace)
"""


def test_a_suite_of_ones_own_runs_a_lab(tmp_path: Path) -> None:
    lab = Path(__file__).parents[1] / "labs" / "lab-90-sample"
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_own.py").write_text(TEST.format(lab=str(lab)))
    words = ["-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "--basetemp", str(tmp_path / "t")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "--provider", "embedded", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert list((tmp_path / "t").glob("labcheck*/environments/*/")) == []
