"""The whole way on kind, with everything real but the creation of the cluster, which is an embedded one."""

from __future__ import annotations

import gc
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labcheck.authoring.residue import processes
from labcheck.environments import process
from labcheck.environments.kind import pool
from labcheck.environments.kind.provider import steps
from labcheck.environments.lifecycle import down, reset, up
from labcheck.environments.standing import running, statuses
from labcheck.environments.state import StateFolder
from labcheck.errors import EnvironmentTrouble
from labcheck.kube import Cluster, connect
from labcheck.lab.load import load
from labcheck.lab.variant import Variant, variant

if TYPE_CHECKING:
    from .conftest import Machine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    # ansible-runner leaves the files of a run that was interrupted to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

LABS = Path(__file__).parents[4] / "labs"


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Has what a test leaves to the garbage collector collected while its warnings are ignored."""
    yield
    gc.collect()


SETUP = """\
apiVersion: v1
kind: Namespace
metadata:
  name: {{ namespace }}
---
apiVersion: v1
kind: Pod
metadata:
  name: client
  namespace: {{ namespace }}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - {name: curl, image: "docker.io/curlimages/curl:8.16.0", command: ["/bin/sleep", "infinity"]}
"""
ID = "lab-07-sample"


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state")


@pytest.fixture
def lab(make_lab: Callable[..., Path]) -> Variant:
    """A lab without Istio."""
    made = make_lab({"setup/10-namespace.yaml": SETUP})
    text = (made / "lab.yaml").read_text().replace("[embedded]", "[embedded, kind]")
    (made / "lab.yaml").write_text(text)
    return variant(load(made), 1)


def silent(text: str) -> None:
    pass


def administrator(folder: StateFolder, lab_id: str) -> Cluster:
    return connect(folder.environment(lab_id).kubeconfig)


def test_a_lab_with_istio_goes_up_is_reset_and_goes_down(machine: Machine, folder: StateFolder) -> None:
    lab, said = variant(load(LABS / "lab-03-waypoint"), 1), list[str]()
    runner = machine.kind()
    assert up(folder, lab, runner, said.append) == "created"
    assert any(text.startswith("Install Istio (") for text in said)
    path = folder.environment(lab.lab.id)
    assert {"Create the cluster", "Wait for the setup"} <= {it["step"] for it in steps(path.cluster)}
    assert "Install Istio" in runner.logs(path.cluster).read_text()
    with administrator(folder, lab.lab.id) as cluster:
        services = cluster.kind("Service")
        labelled = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": lab.namespace}}
        labelled["metadata"]["labels"] = {"istio.io/dataplane-mode": "ambient"}  # type: ignore[index]
        cluster.apply(cluster.kind("Namespace"), labelled)
        for made in ("learners", "learners-mesh"):
            cluster.apply(cluster.kind("Namespace"), {**labelled, "metadata": {"name": made}})
        cluster.connection.request("DELETE", services.path(lab.namespace, "helloworld"))
        cluster.connection.request("DELETE", cluster.kind("Pod").path(lab.namespace, "client"))
        reset(folder, lab, said.append)
        names = {it["metadata"]["name"] for it in cluster.all(cluster.kind("Namespace"))}
        namespace = cluster.get(cluster.kind("Namespace"), lab.namespace)
        assert namespace is not None
        assert "istio.io/dataplane-mode" not in namespace["metadata"]["labels"]
        assert cluster.get(services, "helloworld", lab.namespace) is not None
        assert not {"learners", "learners-mesh"} & names
        assert "istio-system" in names
    assert down(folder, lab.lab.id)
    assert machine.clusters() == []
    assert list((folder.root / "environments").glob("*/")) == []


def test_a_creation_that_fails_says_why_and_the_next_one_works(
    machine: Machine, folder: StateFolder, lab: Variant
) -> None:
    (machine.place / "fail").write_text("Error: driver failed: port is already allocated")
    with pytest.raises(EnvironmentTrouble, match="The step `Create the cluster` failed") as raised:
        up(folder, lab, machine.kind(), silent)
    assert "port is already allocated" in raised.value.evidence
    assert "Another program has taken the port" in raised.value.next_step
    assert machine.clusters() == []
    assert [it.state for it in statuses(folder)] == ["interrupted"]
    path = folder.environment(ID).cluster
    assert "port is already allocated" in machine.kind().logs(path).read_text()
    (machine.place / "fail").unlink()
    assert up(folder, lab, machine.kind(), silent) == "created"
    assert [it.state for it in statuses(folder)] == ["ready"]


def test_an_interrupted_creation_leaves_no_container_and_no_process(
    machine: Machine, folder: StateFolder, lab: Variant
) -> None:
    (machine.place / "hang").touch()
    runner = machine.kind()

    def interrupt() -> None:
        while not machine.clusters():
            pass
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        up(folder, lab, runner, silent)
    assert machine.clusters() == []
    deadline = time.monotonic() + 20
    while (left := processes(machine.place.parent)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []
    (machine.place / "hang").unlink()
    assert up(folder, lab, runner, silent) == "created"


STEPS = [
    "kind create *",
    "kind load *",
    "kubectl apply --server-side --force-conflicts --filename *",
    "istioctl install *",
    "kubectl rollout *",
    "kubectl label *",
    "kubectl apply --server-side --force-conflicts --field-manager=labcheck *",
    "kubectl wait *",
]
"""What the playbook gives, in this order, for a lab with Istio."""


def when_held(machine: Machine, work: Callable[[], None]) -> None:
    """Does something as soon as the command that is waited for is given."""

    def run() -> None:
        while not machine.held():
            time.sleep(0.05)
        work()

    threading.Thread(target=run, daemon=True).start()


def test_ctrl_c_in_the_middle_of_each_step_leaves_no_process_and_the_next_up_goes_on(
    machine: Machine, folder: StateFolder
) -> None:
    lab = variant(load(LABS / "lab-03-waypoint"), 1)
    for step in STEPS:
        machine.hold(step)
        when_held(machine, lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            up(folder, lab, machine.kind(), silent)
        deadline = time.monotonic() + 20
        while (left := working(machine)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert left == [], step
        assert len(machine.clusters()) == int(step != STEPS[0])
        machine.release()
    assert up(folder, lab, machine.kind(), silent) == "created"
    assert down(folder, lab.lab.id)
    assert machine.clusters() == []
    assert [it for it in folder.root.rglob("*") if it.is_file() and it.suffix != ".lock"] == []


def working(machine: Machine) -> list[str]:
    """What still runs of the playbook, but for the clusters themselves."""
    found = [it.command for it in processes(machine.place.parent)]
    return [it for it in found if "pocketmesh serve" not in it and "envoy" not in it]


def test_a_cluster_that_is_deleted_meanwhile_is_said_and_made_anew(
    machine: Machine, folder: StateFolder
) -> None:
    lab = variant(load(LABS / "lab-03-waypoint"), 1)
    machine.hold("istioctl install *")

    def delete() -> None:
        for name in machine.clusters():
            machine.delete(name)
        machine.release()

    when_held(machine, delete)
    with pytest.raises(EnvironmentTrouble, match="The step `Install Istio` failed") as raised:
        up(folder, lab, machine.kind(), silent)
    assert "The cluster does not answer" in raised.value.next_step
    assert up(folder, lab, machine.kind(), silent) == "created"


@pytest.mark.parametrize("step", ["Create the cluster", "Apply the setup", "cluster answers"])
def test_whatever_is_interrupted_goes_on_from_there(
    machine: Machine, folder: StateFolder, lab: Variant, step: str
) -> None:
    said: list[str] = []

    def interrupt(text: str) -> None:
        if text.startswith(step):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        up(folder, lab, machine.kind(), interrupt)
    (before,) = machine.clusters()
    assert up(folder, lab, machine.kind(), said.append) == "created"
    assert machine.clusters() == [before]
    assert not any(text.startswith("Create the cluster") for text in said)
    assert down(folder, ID)
    assert machine.clusters() == []


def test_a_cluster_that_was_deleted_is_seen_and_made_anew(
    machine: Machine, folder: StateFolder, lab: Variant
) -> None:
    up(folder, lab, machine.kind(), silent)
    for name in machine.clusters():
        machine.delete(name)
    assert [it.state for it in statuses(folder)] == ["gone"]
    with pytest.raises(EnvironmentTrouble, match="is gone"):
        running(folder, ID)
    assert up(folder, lab, machine.kind(), silent) == "created"
    assert [it.state for it in statuses(folder)] == ["ready"]


def test_a_cluster_that_stopped_comes_back_with_the_answer(
    machine: Machine, folder: StateFolder, lab: Variant
) -> None:
    up(folder, lab, machine.kind(), silent)
    mine = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine", "namespace": lab.namespace}}
    with administrator(folder, ID) as cluster:
        cluster.apply(cluster.kind("ConfigMap"), mine)
        cluster.connection.request("DELETE", cluster.kind("Pod").path(lab.namespace, "client"))
    for name in machine.clusters():
        place = machine.place / name
        process.stop(int((place / "started").read_text()), str(place))
    assert [it.state for it in statuses(folder)] == ["stopped"]
    assert up(folder, lab, machine.kind(), silent) == "restarted"
    with administrator(folder, ID) as cluster:
        assert cluster.get(cluster.kind("ConfigMap"), "mine", lab.namespace) is not None
        assert cluster.get(cluster.kind("Pod"), "client", lab.namespace) is None


def test_a_name_that_is_taken_is_not_ours_to_touch(
    machine: Machine, folder: StateFolder, lab: Variant
) -> None:
    up(folder, lab, machine.kind(), silent)
    folder.environment(ID).remove()
    with pytest.raises(EnvironmentTrouble, match="nothing here says that it is ours") as raised:
        up(folder, lab, machine.kind(), silent)
    assert "kind delete cluster --name labcheck-lab-07" in raised.value.next_step
    assert len(machine.clusters()) == 1


def test_a_cluster_made_ahead_is_taken(machine: Machine, folder: StateFolder, lab: Variant) -> None:
    spare, said = pool.fill(folder, lab, machine.kind(), silent), list[str]()
    assert "nodes=1 istio=none" in pool.shape(spare)
    assert up(folder, lab, machine.kind(), said.append) == "created"
    assert len(machine.clusters()) == 1
    assert not any(text.startswith("Create the cluster") for text in said)
    assert any(text.startswith("Apply the setup") for text in said)
    assert pool.folders(folder) == []
    assert down(folder, ID)
    assert machine.clusters() == []


def test_two_at_once_make_one_cluster(machine: Machine, folder: StateFolder, lab: Variant) -> None:
    outcomes: list[str] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(up(folder, lab, machine.kind(), silent)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["created", "running"]
    assert len(machine.clusters()) == 1
    assert json.loads((folder.environment(ID).cluster / "steps.json").read_text())
