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
from contextlib import closing, contextmanager
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


class Daemon:
    """A Docker engine that nobody else uses; skips where none can be started."""

    def __init__(self, place: Path) -> None:
        self.endpoint = f"unix://{place}/socket"
        self._place = place
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **variables: str) -> None:
        place = self._place
        words = ["dockerd", "--storage-driver=vfs", "--iptables=false", "--ip6tables=false", "--bridge=none"]
        words += [f"--data-root={place}/data", f"--exec-root={place}/exec", f"--pidfile={place}/pid"]
        with (place / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*words, f"--host={self.endpoint}"],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | variables,
            )
        deadline = time.monotonic() + 60
        while self._process.poll() is None and time.monotonic() < deadline:
            if "API listen on" in (place / "log").read_text(errors="replace"):
                return
            time.sleep(0.05)
        last = (place / "log").read_text(errors="replace").strip().rpartition("\n")[2]
        pytest.skip(f"no Docker engine can be started here: {last[-200:]}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)


@contextmanager
def _daemon() -> Iterator[Daemon]:
    pytest.importorskip("docker")
    if shutil.which("dockerd") is None or os.getuid() != 0:
        pytest.skip("a Docker engine needs root and dockerd (Debian: apt install docker.io)")
    # A socket's path is short, and temporary folders of tests are not.
    with tempfile.TemporaryDirectory(prefix="dockerd", ignore_cleanup_errors=True) as folder:
        daemon = Daemon(Path(folder))
        try:
            yield daemon
        finally:
            daemon.stop()


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Where an engine listens for all tests."""
    with _daemon() as daemon:
        daemon.start()
        yield daemon.endpoint


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """An engine for one test, not started yet."""
    with _daemon() as found:
        yield found


@pytest.fixture(scope="session")
def real_kind() -> str:
    """A real kind: the one that LABCHECK_KIND names, on the PATH, or of Debian's in .cache."""
    fetched = Path(__file__).parents[4] / ".cache" / "kinds" / "sid" / "kind"
    found = (
        os.environ.get("LABCHECK_KIND") or shutil.which("kind") or (str(fetched) if fetched.exists() else "")
    )
    if not found:
        pytest.skip("there is no kind; fetch Debian's: scripts/fetch-debian .cache/kinds sid/kind/kind")
    if shutil.which("docker") is None:
        pytest.skip("kind needs the command docker (Debian: apt install docker.io)")
    return found


@pytest.fixture
def inputs(tmp_path: Path, real_kind: str) -> dict[str, object]:
    """The playbook's: a cluster that answers already, and no mesh and no lab to put into it."""
    pytest.importorskip("ansible_runner")
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\necho ok\n")
    kubectl.chmod(0o755)
    return {
        "archives": str(tmp_path / "play" / "archives"),
        "cluster": "labcheck-images",
        "engine": "docker",
        "images": [],
        "istio": "none",
        "kind": real_kind,
        "kubeconfig": os.devnull,
        "kubectl": str(kubectl),
        "leftover": False,
        "node_image": "none",
        "patience": 0,
        "platform": "",
        "setup": "",
    }


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

    def has_network(self) -> bool:
        return True

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

    def hold(self, command: str) -> None:
        """Keeps the next command that looks like this from being carried out, until `release`."""
        (self.place / "held").unlink(missing_ok=True)
        (self.place / "hold").write_text(command)

    def held(self) -> bool:
        """Whether it was given."""
        return (self.place / "held").exists()

    def release(self) -> None:
        (self.place / "hold").unlink()

    def clusters(self) -> list[str]:
        return sorted(it.name for it in self.place.glob("labcheck-*"))


_PROGRAM = """\
#!/bin/sh
if [ -e {place}/hold ]; then
    case "{name} $*" in
    $(cat {place}/hold)) touch {place}/held; while [ -e {place}/hold ]; do sleep 0.1; done ;;
    esac
fi
{line}
"""
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
        "kubectl": f'exec {shutil.which("kubectl")} "$@"',
    }
    for name, line in scripts.items():
        (programs / name).write_text(_PROGRAM.format(name=name, place=place, line=line))
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
