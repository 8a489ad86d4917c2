"""The product's own server as a process of its own, and every real kubectl that this machine has.

kubectl is looked for on PATH and in the files and directories that LABCHECK_KUBECTLS names, separated by
colons. Each test runs once for each of them, and skips when there is none.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson
import pytest
from kubernetes import config
from kubernetes.client import ApiClient

DEADLINE = 20.0


@cache
def found() -> dict[str, Path]:
    """The kubectls by version."""
    candidates = [Path(path) for path in [shutil.which("kubectl")] if path]
    for place in filter(None, os.environ.get("LABCHECK_KUBECTLS", "").split(":")):
        candidates += sorted(Path(place).glob("**/kubectl*")) if Path(place).is_dir() else [Path(place)]
    binaries: dict[str, Path] = {}
    for path in candidates:
        if path.is_file() and os.access(path, os.X_OK):
            version = subprocess.run(
                [path, "version", "--client", "-o", "json"], capture_output=True, check=True
            )
            name = orjson.loads(version.stdout)["clientVersion"]["gitVersion"].partition("-")[0]
            binaries.setdefault(name, path.absolute())
    return binaries


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "binary" not in metafunc.fixturenames:
        return
    none = pytest.mark.skip(reason="no kubectl on PATH, and none named by LABCHECK_KUBECTLS")
    choices = [pytest.param(path, id=f"kubectl {version}") for version, path in found().items()]
    metafunc.parametrize(
        "binary", choices or [pytest.param(None, marks=none, id="no kubectl")], scope="session"
    )


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of a running cluster without Istio."""
    state = tmp_path_factory.mktemp("cluster") / "state"
    command = [sys.executable, "-m", "pocketmesh", "serve", "--state", str(state), "--istio", "none"]
    with (
        (state.parent / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as server,
    ):
        wait_for((state / "kubeconfig").exists, lambda: server.poll() is None)
        yield state / "kubeconfig"
        server.terminate()


@pytest.fixture(scope="session")
def api_client(cluster: Path) -> Iterator[ApiClient]:
    """The Python client, connected as the cluster's administrator."""
    with config.new_client_from_config(str(cluster)) as connected:
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
        version = next(version for version, path in found().items() if path == self.binary)
        return int(version.split(".")[1])

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs to its end, whatever the exit code."""
        return subprocess.run(
            [self.binary, "--namespace", self.namespace, *arguments],
            env={**self.environment, **environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )

    def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> str:
        """Runs and succeeds; returns what was printed."""
        done = self.run(*arguments, stdin=stdin, **environment)
        assert done.returncode == 0, f"{arguments}: {done.returncode}: {done.stderr}"
        return done.stdout

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Runs beside the test."""
        command = [self.binary, "--namespace", self.namespace, *arguments]
        with subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def in_new_namespace(
    binary: Path, cluster: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Kubectl]:
    """Makes kubectls that have a namespace of their own and one cache between them."""
    home = tmp_path_factory.mktemp("home")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(cluster)}

    def make() -> Kubectl:
        kubectl = Kubectl(binary, environment, f"test-{next(_numbers)}")
        kubectl("create", "namespace", kubectl.namespace)
        return kubectl

    return make


@pytest.fixture
def kubectl(in_new_namespace: Callable[[], Kubectl]) -> Kubectl:
    """kubectl in a namespace of the test's own."""
    return in_new_namespace()


@pytest.fixture(scope="session")
def reader(in_new_namespace: Callable[[], Kubectl]) -> Kubectl:
    """kubectl in a namespace that has `web` in it, for tests that change nothing."""
    kubectl = in_new_namespace()
    deploy(kubectl)
    return kubectl


@pytest.fixture
def manifest() -> str:
    """A Deployment of two pods and its Service, both called `web`."""
    return WEB


@pytest.fixture
def web(kubectl: Kubectl, manifest: str) -> str:
    """The manifest, applied and rolled out."""
    deploy(kubectl)
    return manifest


def deploy(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=WEB)
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")


WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: app
        image: registry.istio.io/release/examples-helloworld-v1:1.0
        ports: [{containerPort: 5000}]
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports: [{port: 5000}]
"""
