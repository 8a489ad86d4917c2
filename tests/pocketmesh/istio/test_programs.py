"""The installation as it runs: its pods on a node, and what stops when they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pocketmesh.api import bootstrap
from pocketmesh.api.client import Client
from pocketmesh.api.registry import Registry
from pocketmesh.controllers.runtime import Runtime
from pocketmesh.controllers.standard import standard_controllers
from pocketmesh.istio.cni import REDIRECTION
from pocketmesh.istio.dataplane import DataPlane
from pocketmesh.istio.install import MANAGER
from pocketmesh.istio.install.inside import install
from pocketmesh.istio.programs import images
from pocketmesh.net.fabric import Fabric
from pocketmesh.node.disk import Disk
from pocketmesh.node.images import Catalogue, Image
from pocketmesh.node.node import Node
from pocketmesh.node.process import Invocation
from pocketmesh.objects import annotations_of

Until = Callable[[Callable[[], object]], Any]

DEADLINE = 20.0
MODE = "istio.io/dataplane-mode"


async def idle(invocation: Invocation) -> int:
    await asyncio.Event().wait()
    return 0


@pytest.fixture
def until(registry: Registry) -> Until:
    """Waits until something holds, looking again after each change of an object."""

    async def wait(holds: Callable[[], object]) -> None:
        changed = asyncio.Event()
        end = registry.store.subscribe(lambda event: changed.set())
        try:
            async with asyncio.timeout(DEADLINE):
                while not holds():
                    changed.clear()
                    await changed.wait()
        finally:
            end()

    return wait


@pytest.fixture
async def istio(
    registry: Registry, runtime: Runtime, client: Client, until: Until, tmp_path: Path
) -> AsyncIterator[Client]:
    """A node on which Istio has been installed and is ready."""
    bootstrap.create_missing(Client(registry, "kube-apiserver"))
    for controller in standard_controllers(registry, "PEM"):
        runtime.add(controller)
    fabric = Fabric(registry.store)
    data_plane = DataPlane(registry.store, fabric, registry.clock, tmp_path)
    catalogue = Catalogue(
        [*images(registry, runtime, fabric, data_plane), Image("idle", {"idle": idle}, ("idle",))]
    )
    node = Node(
        Client(registry, "kubelet"), runtime, fabric, catalogue, registry.clock, disk=Disk(tmp_path / "disk")
    )
    node.start()
    running = asyncio.create_task(runtime.run())
    install(Client(registry, MANAGER))
    await until(lambda: all(is_ready(client, name) for name in ("istiod", "istio-cni-node", "ztunnel")))
    yield client
    node.stop()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    data_plane.close()
    fabric.close()


def is_ready(client: Client, name: str) -> bool:
    resource = "deployments.apps" if name == "istiod" else "daemonsets.apps"
    found = client.get(resource, "istio-system", name) or {}
    status = found.get("status") or {}
    return (status.get("readyReplicas") or status.get("numberReady")) == 1


def label(client: Client, mode: str | None) -> None:
    client.merge("namespaces", "", "app", {"metadata": {"labels": {MODE: mode}}})


def redirection(client: Client) -> str | None:
    pod = client.get("pods", "app", "web") or {}
    return annotations_of(pod).get(REDIRECTION)


def send_away(client: Client, daemon_set: str) -> None:
    """Leaves the DaemonSet without a node to run on."""
    nowhere = {"spec": {"template": {"spec": {"nodeSelector": {"no-such": "node"}}}}}
    client.merge("daemonsets.apps", "istio-system", daemon_set, nowhere)


def last_warning(client: Client) -> str:
    events = [event for event in client.all("events", "app") if event["type"] == "Warning"]
    return events[-1]["message"] if events else ""


async def start_web(client: Client, until: Until) -> None:
    create_web(client)
    await until(lambda: (client.get("pods", "app", "web") or {}).get("status", {}).get("phase") == "Running")


def create_web(client: Client) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "app", "name": "web"},
        "spec": {"containers": [{"name": "web", "image": "idle"}]},
    }
    client.create("pods", pod)


async def test_running_pods_enter_and_leave_the_mesh_as_the_label_comes_and_goes(
    istio: Client, until: Until
) -> None:
    await start_web(istio, until)
    assert redirection(istio) is None
    label(istio, "ambient")
    await until(lambda: redirection(istio) == "enabled")
    label(istio, None)
    await until(lambda: redirection(istio) is None)


@pytest.mark.parametrize(
    ("missing", "symptom"),
    [
        ("ztunnel", "partial add error: no ztunnel connection"),
        ("istio-cni-node", "pluginevent.sock: connect: connection refused"),
    ],
)
async def test_new_pods_of_the_mesh_do_not_start_without_both_agents(
    istio: Client, until: Until, missing: str, symptom: str
) -> None:
    label(istio, "ambient")
    send_away(istio, missing)
    await until(lambda: not is_ready(istio, missing))
    create_web(istio)
    await until(lambda: symptom in last_warning(istio))
    assert istio.get("pods", "app", "web")["status"]["phase"] == "Pending"  # type: ignore[index]


async def test_pods_start_outside_the_mesh_once_istio_cni_is_removed(istio: Client, until: Until) -> None:
    label(istio, "ambient")
    istio.delete("daemonsets.apps", "istio-system", "istio-cni-node")
    await until(lambda: not any("cni" in pod["metadata"]["name"] for pod in istio.all("pods")))
    await start_web(istio, until)
    assert redirection(istio) is None


async def test_without_ztunnel_a_pod_waits_to_be_taken_over(istio: Client, until: Until) -> None:
    send_away(istio, "ztunnel")
    await start_web(istio, until)
    label(istio, "ambient")
    await until(lambda: redirection(istio) == "pending")


async def test_scaling_istiod_to_zero_stops_its_controllers_and_scaling_up_starts_them(
    istio: Client, until: Until, registry: Registry, runtime: Runtime
) -> None:
    def scale(replicas: int) -> None:
        istio.merge("deployments.apps", "istio-system", "istiod", {"spec": {"replicas": replicas}})

    def has_certificate() -> bool:
        return istio.get("configmaps", "app", "istio-ca-root-cert") is not None

    def istiod_pods() -> list[dict[str, Any]]:
        pods = istio.all("pods", "istio-system")
        return [pod for pod in pods if pod["metadata"].get("labels", {}).get("app") == "istiod"]

    scale(0)
    await until(lambda: not istiod_pods())
    istio.delete("configmaps", "app", "istio-ca-root-cert")
    await runtime.settled()
    assert not has_certificate()
    scale(1)
    await until(has_certificate)


TCP_ROUTES = "tcproutes.gateway.networking.k8s.io"


def create_tcp_route(client: Client) -> None:
    """A route of a kind that is not among the standard ones, and the kind."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1alpha2", "served": True, "storage": True, "subresources": {"status": {}}}
    names = {"kind": "TCPRoute", "plural": "tcproutes"}
    group = "gateway.networking.k8s.io"
    client.create(
        "customresourcedefinitions.apiextensions.k8s.io",
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": TCP_ROUTES, "annotations": {"api-approved.kubernetes.io": "none"}},
            "spec": {
                "group": group,
                "names": names,
                "scope": "Namespaced",
                "versions": [{**version, "schema": {"openAPIV3Schema": anything}}],
            },
        },
    )
    parent = {"group": "", "kind": "Service", "name": "missing"}
    client.create(
        TCP_ROUTES,
        {
            "apiVersion": f"{group}/v1alpha2",
            "kind": "TCPRoute",
            "metadata": {"name": "talk", "namespace": "app"},
            "spec": {"parentRefs": [parent], "rules": []},
        },
    )


async def test_tcp_routes_are_looked_at_when_istiod_is_told_so(istio: Client, until: Until) -> None:
    create_tcp_route(istio)

    def parents() -> list[Any]:
        return ((istio.get(TCP_ROUTES, "app", "talk") or {}).get("status") or {}).get("parents") or []

    env = [{"name": "PILOT_ENABLE_ALPHA_GATEWAY_API", "value": "true"}]
    container = {"name": "discovery", "env": env}
    assert not parents()

    istio.merge(
        "deployments.apps",
        "istio-system",
        "istiod",
        {"spec": {"template": {"spec": {"containers": [{**found_container(istio), **container}]}}}},
    )
    await until(parents)

    reasons = {condition["type"]: condition["reason"] for condition in parents()[0]["conditions"]}
    assert reasons["Accepted"] == "NoMatchingParent"


def found_container(client: Client) -> Any:
    deployment = client.get("deployments.apps", "istio-system", "istiod") or {}
    return deployment["spec"]["template"]["spec"]["containers"][0]
