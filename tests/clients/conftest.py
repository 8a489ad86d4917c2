"""The product's own server as a process of its own, and every real kubectl that this machine has.

kubectl is looked for on PATH and in the files and directories that LABCHECK_KUBECTLS names, separated by
colons; `scripts/fetch-kubectls` fetches three. Each test runs with each of them, and skips when there is
none; see below for which of that is left to the slow tests.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

import orjson
import pytest
from kubernetes import config
from kubernetes.client import ApiClient, CoreV1Api

from ..conftest import Serving

DEADLINE = 20.0
# Where kubectls of different ages ask differently: discovery and documents, patches, streams.
OTHERWISE_ASKED = ("reading", "applying", "running")


@cache
def found() -> dict[tuple[int, int, int], Path]:
    """The kubectls by version, the oldest first."""
    candidates = [Path(path) for path in [shutil.which("kubectl")] if path]
    for place in filter(None, os.environ.get("LABCHECK_KUBECTLS", "").split(":")):
        candidates += sorted(Path(place).glob("**/kubectl*")) if Path(place).is_dir() else [Path(place)]
    binaries: dict[tuple[int, int, int], Path] = {}
    for path in candidates:
        if path.is_file() and os.access(path, os.X_OK):
            told = subprocess.run(
                [path, "version", "--client", "-o", "json"], capture_output=True, check=True
            )
            version = orjson.loads(told.stdout)["clientVersion"]["gitVersion"]
            major, minor, fix = version.removeprefix("v").partition("-")[0].split(".")
            binaries.setdefault((int(major), int(minor), int(fix)), path.absolute())
    return dict(sorted(binaries.items()))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "binary" not in metafunc.fixturenames:
        return
    none = pytest.mark.skip(reason="no kubectl on PATH, and none named by LABCHECK_KUBECTLS")
    choices = [
        pytest.param(path, id=f"kubectl {'.'.join(map(str, version))}") for version, path in found().items()
    ]
    metafunc.parametrize(
        "binary", choices or [pytest.param(None, marks=none, id="no kubectl")], scope="session"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves to the slow tests all but the newest kubectl, and the oldest where it asks differently."""
    kubectls = list(found().values())
    for item in items:
        chosen = item.callspec.params if hasattr(item, "callspec") else {}
        binary = chosen.get("binary")
        topic = getattr(chosen.get("conversation"), "topic", "")
        asks_otherwise = binary in kubectls[:1] and topic in OTHERWISE_ASKED
        if binary in kubectls[:-1] and not asks_otherwise:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def newest_kubectl() -> Path:
    """The newest kubectl there is."""
    if not found():
        pytest.skip("no kubectl on PATH, and none named by LABCHECK_KUBECTLS")
    return list(found().values())[-1]


@pytest.fixture(scope="session")
def cluster(serving: Serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of a running cluster with an ambient mesh."""
    with serving(tmp_path_factory.mktemp("cluster"), "ambient") as kubeconfig:
        yield kubeconfig


@pytest.fixture(scope="module")
def bare_cluster(serving: Serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of a running cluster of the module's own that has Kubernetes' kinds only."""
    with serving(tmp_path_factory.mktemp("bare"), "none") as kubeconfig:
        yield kubeconfig


@pytest.fixture(scope="module")
def api_client(bare_cluster: Path) -> Iterator[ApiClient]:
    """The Python client, connected as the bare cluster's administrator."""
    with config.new_client_from_config(str(bare_cluster)) as connected:
        yield connected


def wait_for(happened: Callable[[], bool], possible: Callable[[], bool] = lambda: True) -> None:
    """Waits for something that another process does."""
    deadline = time.monotonic() + DEADLINE
    while not happened():
        assert possible(), "it cannot happen any more"
        assert time.monotonic() < deadline, f"it did not happen in {DEADLINE} s"
        time.sleep(0.01)


@dataclass(frozen=True)
class Kubectl:
    """One kubectl, in one namespace."""

    binary: Path
    environment: dict[str, str]
    namespace: str

    @property
    def minor(self) -> int:
        """24 for a kubectl 1.24."""
        return next(minor for (_, minor, _), path in found().items() if path == self.binary)

    def __call__(self, *arguments: str) -> str:
        """Runs and succeeds; returns what was printed."""
        done = subprocess.run(
            [self.binary, "--namespace", self.namespace, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.returncode}: {done.stderr}"
        return done.stdout

    @contextmanager
    def running(self, *arguments: str) -> Iterator[IO[str]]:
        """What it prints while it goes on as long as the block."""
        command = [self.binary, "--namespace", self.namespace, *arguments]
        with subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True) as going:
            assert going.stdout is not None
            try:
                yield going.stdout
            finally:
                going.terminate()


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def in_new_namespace(
    binary: Path, cluster: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Kubectl]]:
    """Makes kubectls that have a namespace of their own and one cache between them."""
    home = tmp_path_factory.mktemp("home")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(cluster)}
    with config.new_client_from_config(str(cluster)) as connected:

        def make() -> Kubectl:
            kubectl = Kubectl(binary, environment, f"test-{next(_numbers)}")
            CoreV1Api(connected).create_namespace({"metadata": {"name": kubectl.namespace}})
            return kubectl

        yield make


@pytest.fixture
def kubectl(in_new_namespace: Callable[[], Kubectl]) -> Iterator[Kubectl]:
    """kubectl in a namespace of the test's own, which goes with it: a node has room for 110 pods."""
    kubectl = in_new_namespace()
    yield kubectl
    kubectl("delete", "namespace", kubectl.namespace, "--ignore-not-found", "--wait=false")
