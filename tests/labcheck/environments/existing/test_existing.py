"""The existing provider in a cluster that was there before: an embedded one, for whoever has no other."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labcheck.cli.main import run
from labcheck.cli.options import Session
from labcheck.environments import inventory, process
from labcheck.environments.existing.provider import Existing
from labcheck.environments.lifecycle import down, keep, reset, up
from labcheck.environments.standing import statuses
from labcheck.environments.state import StateFolder
from labcheck.errors import EnvironmentTrouble, UsageError
from labcheck.kube import Cluster, connect, kubeconfig
from labcheck.lab.load import load
from labcheck.lab.pages import guide, under_prefix
from labcheck.lab.variant import Variant, variant

ID = "lab-07-sample"
NAMESPACES = "/api/v1/namespaces"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The administrator's kubeconfig of a cluster that was there before."""
    folder = tmp_path_factory.mktemp("cluster")
    command = [sys.executable, "-P", "-m", "pocketmesh", "serve", "--state", str(folder), "--istio", "none"]
    pid = process.start(command, folder / "log")
    deadline = time.monotonic() + 60
    while not (folder / "kubeconfig").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    yield folder / "kubeconfig"
    process.stop(pid, str(folder))


@pytest.fixture
def cluster(server: Path) -> Iterator[Cluster]:
    with connect(server) as found:
        yield found


@pytest.fixture
def context(server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name under which the user's kubeconfig has the cluster, beside another one."""
    config: dict[str, Any] = dict(kubeconfig.read(server))
    (entry,) = config["contexts"]
    config["contexts"] = [{**entry, "name": name} for name in ("labs", "team-prod")]
    config["current-context"] = "team-prod"
    (tmp_path / "config").write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    return "labs"


@pytest.fixture
def lab(make_lab: Callable[..., Path]) -> Variant:
    text = (
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {{ namespace }}\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: client\n  namespace: {{ namespace }}\n"
        "spec:\n  terminationGracePeriodSeconds: 0\n  containers:\n"
        '    - {name: curl, image: "docker.io/curlimages/curl:8.16.0", command: [/bin/sleep, infinity]}\n'
    )
    made = make_lab({"setup/10-namespace.yaml": text})
    text = (made / "lab.yaml").read_text().replace("[embedded]", "[embedded, existing]")
    guard = "guarded:\n  - objects: [Pod/client]\n    fields: [metadata.uid]\n    tasks: [second]\n"
    (made / "lab.yaml").write_text(text + guard)
    return variant(load(made), 1)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[StateFolder]:
    state = StateFolder(tmp_path / "state")
    yield state
    down(state, ID)


def silent(text: str) -> None:
    pass


def names(cluster: Cluster) -> set[str]:
    return {it["metadata"]["name"] for it in cluster.all(cluster.kind("Namespace"))}


def test_a_lab_leaves_the_cluster_as_it_found_it(
    cluster: Cluster, context: str, folder: StateFolder, lab: Variant
) -> None:
    before = names(cluster)
    assert up(folder, lab, Existing(context), silent) == "created"
    assert names(cluster) == before | {lab.namespace, "labcheck-system"}
    assert [it.state for it in statuses(folder)] == ["ready"]
    assert down(folder, ID)
    assert names(cluster) == before
    assert cluster.get(cluster.kind("ClusterRole"), "labcheck-grader") is None


def test_reset_brings_back_the_labs_namespaces_and_nothing_else(
    cluster: Cluster, context: str, folder: StateFolder, lab: Variant
) -> None:
    up(folder, lab, Existing(context), silent)
    maps, pods = cluster.kind("ConfigMap"), cluster.kind("Pod")
    for place in (lab.namespace, "default"):
        cluster.apply(
            maps,
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine", "namespace": place}},
        )
    cluster.connection.request("DELETE", pods.path(lab.namespace, "client"))
    reset(folder, lab, silent)
    pod = cluster.get(pods, "client", lab.namespace)
    assert pod is not None
    applied = folder.environment(ID).load("setup.json")["objects"]
    assert [it["metadata"]["uid"] for it in applied if it["kind"] == "Pod"] == [pod["metadata"]["uid"]]
    assert cluster.get(maps, "mine", lab.namespace) is None
    assert cluster.get(maps, "mine", "default") is not None


def test_what_was_kept_later_comes_back_and_after_that_the_start(
    cluster: Cluster, context: str, folder: StateFolder, lab: Variant
) -> None:
    up(folder, lab, Existing(context), silent)
    maps, pods = cluster.kind("ConfigMap"), cluster.kind("Pod")
    mine = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine", "namespace": lab.namespace}}
    cluster.apply(maps, mine)
    kept = keep(folder, lab, "solved")
    assert [it.obj["metadata"]["name"] for it in kept.ready] == ["client"]
    cluster.connection.request("DELETE", maps.path(lab.namespace, "mine"))
    cluster.connection.request("DELETE", pods.path(lab.namespace, "client"))
    reset(folder, lab, silent, kept)
    assert cluster.get(maps, "mine", lab.namespace) is not None
    assert cluster.get(pods, "client", lab.namespace) is not None
    reset(folder, lab, silent)
    assert cluster.get(maps, "mine", lab.namespace) is None


def test_objects_come_back_whose_definition_has_gone(cluster: Cluster, tmp_path: Path) -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "lamps.example.org"},
        "spec": {
            "group": "example.org",
            "names": {"kind": "Lamp", "plural": "lamps", "singular": "lamp", "listKind": "LampList"},
            "scope": "Namespaced",
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }
    lamp = {"apiVersion": "example.org/v1", "kind": "Lamp", "metadata": {"name": "a", "namespace": "default"}}
    definitions = cluster.kind("CustomResourceDefinition")
    cluster.apply(definitions, definition)
    while not any(it.kind == "Lamp" for it in cluster.kinds(again=True)):
        time.sleep(0.05)
    cluster.apply(cluster.kind("Lamp"), lamp)
    inventory.save(tmp_path / "saved", cluster, inventory.WHOLE)
    cluster.connection.request("DELETE", definitions.path("", "lamps.example.org"))
    while any(it.kind == "Lamp" for it in cluster.kinds(again=True)):
        time.sleep(0.05)
    inventory.bring_back(tmp_path / "saved", cluster, inventory.WHOLE, 20)
    assert cluster.get(cluster.kind("Lamp"), "a", "default") is not None


def test_reset_does_not_replace_a_pod_whose_labels_were_changed(
    cluster: Cluster, context: str, folder: StateFolder, lab: Variant
) -> None:
    up(folder, lab, Existing(context), silent)
    pods = cluster.kind("Pod")
    before = cluster.get(pods, "client", lab.namespace)
    labelled = {"name": "client", "namespace": lab.namespace, "labels": {"mine": "x"}}
    cluster.connection.request(
        "PATCH",
        pods.path(lab.namespace, "client"),
        body={"metadata": labelled},
        content_type="application/merge-patch+json",
    )
    reset(folder, lab, silent)
    after = cluster.get(pods, "client", lab.namespace)
    assert before is not None
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert "mine" not in (after["metadata"].get("labels") or {})


def test_the_labs_namespaces_have_a_prefix_wherever_they_are_named(
    cluster: Cluster, context: str, folder: StateFolder, lab: Variant
) -> None:
    prefixed = under_prefix(lab, Existing.prefix)
    up(folder, prefixed, Existing(context), silent)
    assert prefixed.namespace == f"labcheck-{lab.namespace}"
    assert prefixed.namespace in names(cluster)
    assert lab.namespace not in names(cluster)
    assert prefixed.namespace in guide(prefixed).markdown
    record = folder.environment(ID).record()
    assert record is not None
    assert record.prefix == "labcheck-"


def test_labs_are_verified_in_a_cluster_that_was_there_before(
    cluster: Cluster, context: str, capsys: pytest.CaptureFixture[str]
) -> None:
    labs, before = Path(__file__).parents[2] / "labs", names(cluster)
    words = ["--labs", str(labs), "verify", "lab-90", "--provider", "existing", "--seeds", "1", "--json"]
    assert run([*words, "--context", context], Session()) == 0
    proofs = json.loads(capsys.readouterr().out)
    assert {it["what"] for it in proofs} >= {"up", "untouched", "solution", "down"}
    assert next(it["tasks"] for it in proofs if it["what"] == "solution") == {
        "selected": "pass",
        "answers": "pass",
    }
    assert names(cluster) == before


def test_namespaces_that_were_there_are_not_touched(
    cluster: Cluster, context: str, folder: StateFolder, lab: Variant
) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": lab.namespace}}
    cluster.connection.request("POST", NAMESPACES, body=body)
    try:
        with pytest.raises(UsageError, match="already, and it is not this lab's") as raised:
            up(folder, lab, Existing(context), silent)
        assert "--seed 2" in raised.value.next_step
        assert statuses(folder) == []
        assert lab.namespace in names(cluster)
    finally:
        cluster.connection.request("DELETE", f"{NAMESPACES}/{lab.namespace}")
        while lab.namespace in names(cluster):
            time.sleep(0.05)


@pytest.mark.parametrize("step", ["cluster answers", "setup ready"])
def test_an_interrupted_up_leaves_nothing(
    cluster: Cluster, context: str, folder: StateFolder, lab: Variant, step: str
) -> None:
    before = names(cluster)

    def interrupt(text: str) -> None:
        if text == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        up(folder, lab, Existing(context), interrupt)
    assert names(cluster) == before
    assert statuses(folder) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "needs --context NAME"),
        ("lab", "Did you mean `labs`"),
        ("team-prod", "may be a cluster that others rely on: its context is called team-prod"),
    ],
)
def test_a_context_is_chosen_with_care(
    context: str, folder: StateFolder, lab: Variant, name: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        up(folder, lab, Existing(name), silent)
    assert statuses(folder) == []


def test_a_context_that_looks_like_production_is_used_on_the_users_word(
    context: str, folder: StateFolder, lab: Variant
) -> None:
    assert up(folder, lab, Existing("team-prod", sure=True), silent) == "created"


def test_a_user_without_the_rights_is_told_which(
    cluster: Cluster, context: str, tmp_path: Path, folder: StateFolder, lab: Variant
) -> None:
    path = cluster.kind("ServiceAccount").path("default", "default")
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = cluster.connection.request("POST", f"{path}/token", body=body)["status"]["token"]
    config = dict(kubeconfig.read(tmp_path / "config"))
    config["users"] = [{**it, "user": {"token": token}} for it in config["users"]]
    (tmp_path / "config").write_text(json.dumps(config))
    with pytest.raises(EnvironmentTrouble, match="You may not do what lab-07-sample takes") as raised:
        up(folder, lab, Existing(context), silent)
    assert "not allowed: create namespaces" in raised.value.evidence


def test_a_lab_that_needs_the_mesh_is_refused_where_there_is_none(
    context: str, folder: StateFolder, lab: Variant
) -> None:
    text = (lab.folder / "lab.yaml").read_text().replace("istio: none", "istio: ambient")
    (lab.folder / "lab.yaml").write_text(text)
    with pytest.raises(EnvironmentTrouble, match="needs Istio in ambient mode"):
        up(folder, variant(load(lab.folder), 1), Existing(context), silent)
