"""Where Python is told to leave no compiled modules behind, a second start still need not compile."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A checkout in which nothing has been compiled."""
    package = tmp_path / "sources" / "pocketmesh"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "cli.py").write_text("def main(): return 0\n")
    (package / "__main__.py").write_bytes(_source("pocketmesh.__main__"))
    (package / "bytecode.py").write_bytes(_source("pocketmesh.bytecode"))
    return package.parent


def test_what_is_compiled_goes_to_the_users_cache(sources: Path, tmp_path: Path) -> None:
    _run(sources, tmp_path, PYTHONDONTWRITEBYTECODE="1")
    assert _compiled(tmp_path / "cache") == {"cli"}
    assert _compiled(sources) == set()


def test_what_lies_beside_its_source_already_is_read_there(sources: Path, tmp_path: Path) -> None:
    _run(sources, tmp_path, PYTHONDONTWRITEBYTECODE="")
    _run(sources, tmp_path, PYTHONDONTWRITEBYTECODE="1")
    assert _compiled(tmp_path / "cache") == set()
    assert _compiled(sources) == {"__init__", "__main__", "bytecode", "cli"}


def _run(sources: Path, home: Path, **variables: str) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(sources),
        "XDG_CACHE_HOME": str(home / "cache"),
        **variables,
    }
    environment.pop("PYTHONPYCACHEPREFIX", None)
    subprocess.run([sys.executable, "-P", "-m", "pocketmesh"], env=environment, check=True)


def _compiled(folder: Path) -> set[str]:
    return {path.name.partition(".")[0] for path in folder.rglob("*.pyc")}


def _source(module: str) -> bytes:
    spec = find_spec(module)
    assert spec
    assert spec.origin
    return Path(spec.origin).read_bytes()
