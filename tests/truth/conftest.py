"""One cluster in which all situations stand side by side, and one round of asking for all rows."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import config
from kubernetes.client import ApiClient, AppsV1Api, CoreV1Api, CustomObjectsApi
from kubernetes.dynamic import DynamicClient

from . import clients
from .asking import Observed, Place, ask_all
from .objects import SYSTEM, Object
from .situations import ABSENT, OBJECTS, PROVIDERS, SCALED_TO_ZERO, SCENES
from .tables import Row

DEADLINE = 60.0
SETTLING = 10.0

Answers = dict[Row, Observed]


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster with an ambient mesh, in a process of its own."""
    state = tmp_path_factory.mktemp("truth")
    with (
        (state / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "pocketmesh", "serve", "--state", str(state)], stdout=log, stderr=log
        ) as server,
    ):
        wait_for((state / "kubeconfig").exists)
        yield state / "kubeconfig"
        server.terminate()


@pytest.fixture(scope="session")
def answers(kubeconfig: Path) -> Answers:
    """What came of every row, asked once everything was in force."""
    with config.new_client_from_config(str(kubeconfig)) as connected:
        town = Town(connected, kubeconfig)
        town.create(OBJECTS)
        town.settle()

        found: Answers = {}
        for scene in SCENES:
            town.create(scene.objects)
            found.update(town.ask(scene.rows))
            town.delete(scene.objects)
        return found


def wait_for(happened: Callable[[], Any], deadline: float = DEADLINE) -> None:
    until = time.monotonic() + deadline
    while not happened():
        assert time.monotonic() < until, f"it did not happen in {deadline} s: {happened}"
        time.sleep(0.05)


class Town:
    """The cluster, seen by its administrator."""

    def __init__(self, connected: ApiClient, kubeconfig: Path) -> None:
        self.core = CoreV1Api(connected)
        self.apps = AppsV1Api(connected)
        self.custom = CustomObjectsApi(connected)
        self.dynamic = DynamicClient(connected)
        self.kubeconfig = kubeconfig
        self.addresses: dict[Place, str] = {}

    def create(self, objects: Sequence[Object]) -> None:
        """Policies come before what they are about, and pods after their Namespaces and accounts."""
        order = ("Namespace", "ServiceAccount", "PeerAuthentication", "AuthorizationPolicy")
        first = [obj for kind in order for obj in objects if obj["kind"] == kind]
        with ThreadPoolExecutor(4) as pool:
            for obj in first:
                self._create(obj)
            list(pool.map(self._create, [obj for obj in objects if obj["kind"] not in order]))

    def _create(self, obj: Object) -> None:
        resource = self.dynamic.resources.get(api_version=obj["apiVersion"], kind=obj["kind"])
        resource.create(body=obj, namespace=obj["metadata"].get("namespace"))

    def delete(self, objects: Sequence[Object]) -> None:
        for obj in objects:
            resource = self.dynamic.resources.get(api_version=obj["apiVersion"], kind=obj["kind"])
            resource.delete(name=obj["metadata"]["name"], namespace=obj["metadata"].get("namespace"))

    def settle(self) -> None:
        """Returns when pods are ready, gateways programmed, and the waypoint without pods has none."""
        mesh = self.core.read_namespaced_config_map("istio", SYSTEM).data["mesh"]
        changed = yaml.safe_dump({**yaml.safe_load(mesh), "extensionProviders": PROVIDERS})
        self.core.patch_namespaced_config_map("istio", SYSTEM, {"data": {"mesh": changed}})
        wait_for(self._programmed)
        namespace, name = SCALED_TO_ZERO
        self.apps.patch_namespaced_deployment_scale(name, namespace, {"spec": {"replicas": 0}})
        wait_for(self._ready)
        pods = self.core.list_pod_for_all_namespaces().items
        self.addresses = {(pod.metadata.namespace, pod.metadata.name): pod.status.pod_ip for pod in pods}

    def _programmed(self) -> bool:
        gateways = self.custom.list_cluster_custom_object("gateway.networking.k8s.io", "v1", "gateways")
        programmed = {
            (it["metadata"]["namespace"], it["metadata"]["name"])
            for it in gateways["items"]
            if ("Programmed", "True") in {(one["type"], one["status"]) for one in it["status"]["conditions"]}
        }
        return len(programmed - {ABSENT}) == len(gateways["items"]) - 1

    def _ready(self) -> bool:
        namespace, name = SCALED_TO_ZERO
        pods = self.core.list_pod_for_all_namespaces().items
        return all(
            any(it.type == "Ready" and it.status == "True" for it in pod.status.conditions or [])
            and (pod.metadata.namespace, pod.metadata.labels.get("gateway.networking.k8s.io/gateway-name"))
            != (namespace, name)
            for pod in pods
        )

    def ask(self, rows: Sequence[Row]) -> Answers:
        """All rows in one round; again, and all of them again, while a proxy may still be learning."""
        until = time.monotonic() + SETTLING
        while True:
            asks = [row.ask for row in rows]
            seen = ask_all(self.kubeconfig, asks, clients.CLIENTS, self.addresses)
            right = all(seen[row.ask].outcome == row.outcome for row in rows)
            if right or time.monotonic() > until:
                return {row: seen[row.ask] for row in rows}
