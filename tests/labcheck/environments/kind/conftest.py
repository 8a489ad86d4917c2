"""A real container engine of the tests' own with a tiny image, and a machine whose kind is a stand-in."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from labcheck.environments import process
from labcheck.environments.kind.engine import Description, Node
from labcheck.environments.kind.facts import Facts
from labcheck.environments.kind.provider import CRDS_VARIABLE, Kind

_spec = spec_from_file_location("fake_kind", Path(__file__).with_name("fake_kind.py"))
assert _spec is not None
assert _spec.loader is not None
fake_kind = module_from_spec(_spec)
_spec.loader.exec_module(fake_kind)


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


class FakeEngine:
    """An engine whose containers are the fake kind's clusters."""

    description = Description("Docker", "29.1.3", "unix:///nowhere", 16000, 8, "2")

    def __init__(self, place: Path) -> None:
        self._place = place

    def __enter__(self) -> FakeEngine:
        return self

    def __exit__(self, *raised: object) -> None:
        pass

    def variables(self) -> dict[str, str]:
        return {}

    def nodes(self, cluster: str) -> list[Node]:
        folder = self._place / cluster
        if not folder.exists():
            return []
        alive = (folder / "started").exists() and process.alive(
            int((folder / "started").read_text()), str(folder)
        )
        return [Node(f"{cluster}-control-plane", "running" if alive else "exited")]

    def start(self, cluster: str) -> None:
        folder = self._place / cluster
        if any(node.status != "running" for node in self.nodes(cluster)):
            command = [sys.executable, "-P", "-m", "pocketmesh", "serve", "--state", str(folder)]
            (folder / "started").write_text(str(process.start(command, folder / "log")))

    def remove(self, cluster: str) -> None:
        fake_kind.delete(self._place, cluster)


@dataclass(frozen=True)
class Machine:
    """A machine on which kind, docker and istioctl are stand-ins, and kubectl is real."""

    place: Path
    """Where the fake kind keeps its clusters."""

    def kind(self) -> Kind:
        return Kind(look=lambda *_: GOOD, connect=lambda: FakeEngine(self.place))  # type: ignore[arg-type,return-value]

    def delete(self, cluster: str) -> None:
        fake_kind.delete(self.place, cluster)

    def clusters(self) -> list[str]:
        return sorted(it.name for it in self.place.glob("labcheck-*"))


GOOD = Facts(engine=FakeEngine.description, client="/usr/bin/docker")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crds: Path) -> Iterator[Machine]:
    pytest.importorskip("ansible_runner")
    programs, place = tmp_path / "programs", tmp_path / "kind"
    place.mkdir()
    programs.mkdir()
    scripts = {
        "kind": f'exec {sys.executable} {fake_kind.__file__} "$@"',
        "istioctl": f'exec {sys.executable} -P -m pocketmesh istioctl "$@"',
        "docker": "exit 0",
    }
    for name, line in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_KIND", str(place))
    monkeypatch.setenv(CRDS_VARIABLE, str(crds))
    found = Machine(place)
    monkeypatch.setattr("labcheck.environments.kind.provider.Kind", found.kind)
    yield found
    for cluster in found.clusters():
        fake_kind.delete(place, cluster)


@pytest.fixture(scope="session")
def crds() -> Path:
    """The CRDs of the Gateway API as they are published."""
    root = Path(__file__).parents[4]
    shared = Path(os.environ.get("LABCHECK_SHARED", root.parent / "shared")) / "data" / "crds"
    folder = shared / "gateway-api-v1.5.1"
    if not folder.is_dir():
        pytest.skip(f"the CRDs of the Gateway API are not in {folder}")
    return folder
