"""A real container engine of the tests' own, and tiny images that were made from nothing."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Where a Docker engine listens that nobody else uses; skips where none can be started."""
    pytest.importorskip("docker")
    if shutil.which("dockerd") is None or os.getuid() != 0:
        pytest.skip("a Docker engine needs root and dockerd (Debian: apt install docker.io)")
    # A socket's path is short, and temporary folders of tests are not.
    with tempfile.TemporaryDirectory(prefix="dockerd", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        words = ["dockerd", "--storage-driver=vfs", "--iptables=false", "--ip6tables=false", "--bridge=none"]
        words += [f"--data-root={place}/data", f"--exec-root={place}/exec", f"--pidfile={place}/pid"]
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(
                [*words, f"--host=unix://{place}/socket"], stdout=log, stderr=log, start_new_session=True
            )
        try:
            _await(process, place)
            yield f"unix://{place}/socket"
        finally:
            process.terminate()
            process.wait(30)


def _await(process: subprocess.Popen[bytes], place: Path) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if "API listen on" in (place / "log").read_text(errors="replace"):
            return
        time.sleep(0.05)
    last = (place / "log").read_text(errors="replace").strip().rpartition("\n")[2]
    pytest.skip(f"no Docker engine can be started here: {last[-200:]}")


@pytest.fixture
def image(endpoint: str) -> Iterator[str]:
    """An image with one file in it."""
    import docker

    name = "labcheck.test/tiny:1.0"
    with closing(docker.DockerClient(base_url=endpoint)) as client:
        client.api.import_image_from_data(_archive({"hello": b"hello"}), *name.split(":"))
        yield name
        client.images.remove(name, force=True)


def _archive(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()
