"""client-go, the library behind kubectl, Helm, istioctl and every controller, against the server."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = Path(__file__).parent / "go"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="session")
def clients() -> Path:
    """The program of `go/`, built once; Go's own cache makes every further build quick."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("needs Go to build a client-go program")
    program = ROOT / ".cache" / "go-clients" / "clients"
    built = subprocess.run(
        ["nice", go, "build", "-o", program, "."], cwd=SOURCE, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return program


@pytest.mark.parametrize("scenario", ["informers", "protobuf", "dynamic", "election", "streams"])
def test_client_go_finds_nothing_amiss(clients: Path, bare_cluster: Path, scenario: str) -> None:
    done = subprocess.run(
        [clients, scenario],
        env={**os.environ, "KUBECONFIG": str(bare_cluster)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert done.returncode == 0, done.stderr
