from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from labcheck.environments.embedded import Embedded
from labcheck.environments.lifecycle import down, keep, reset, up
from labcheck.environments.standing import running, statuses
from labcheck.environments.state import StateFolder
from labcheck.errors import AuthorError, EnvironmentTrouble, UsageError
from labcheck.kube import connect
from labcheck.lab.load import load
from labcheck.lab.variant import Variant, variant

MakeLab = Callable[..., Path]
ID = "lab-07-sample"


@pytest.fixture
def lab(make_lab: MakeLab) -> Variant:
    return variant(load(make_lab()), 1)


@pytest.fixture
def runner(controls: Path) -> Embedded:
    return Embedded(timeout=10)


def silent(text: str) -> None:
    pass


def namespaces(state: StateFolder) -> set[str]:
    with connect(state.environment(ID).kubeconfig) as cluster:
        return {it["metadata"]["name"] for it in cluster.all(cluster.kind("Namespace"))}


def add_namespace(state: StateFolder, name: str) -> None:
    with connect(state.environment(ID).kubeconfig) as cluster:
        cluster.apply(
            cluster.kind("Namespace"), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        )


def pid(state: StateFolder) -> int:
    return int((state.environment(ID).cluster / "pid").read_text())


def test_a_cluster_that_has_followed_needs_little_patience(
    state: StateFolder, lab: Variant, runner: Embedded
) -> None:
    up(state, lab, runner, silent)
    assert runner.converge(state.environment(ID).cluster) == runner.patience


def test_where_a_cluster_does_not_say_that_it_has_followed_there_is_more_patience(
    state: StateFolder, lab: Variant, runner: Embedded, controls: Path
) -> None:
    up(state, lab, runner, silent)
    cluster = state.environment(ID).cluster
    (controls / "never-converges").touch()
    assert runner.converge(cluster) > 2 * runner.patience
    runner.stop(cluster)
    assert runner.converge(cluster) > 2 * runner.patience


def test_up_applies_the_setup_and_makes_both_identities(
    state: StateFolder, lab: Variant, runner: Embedded
) -> None:
    said: list[str] = []
    assert up(state, lab, runner, said.append) == "created"
    assert namespaces(state) == {lab.namespace, "labcheck-system"}
    folder = state.environment(ID)
    assert json.loads(folder.grader_kubeconfig.read_text())["users"][0]["user"] == {"token": "the-graders"}
    assert json.loads(folder.kubeconfig.read_text())["contexts"][0]["context"]["namespace"] == lab.namespace
    assert (folder.kubeconfig.stat().st_mode & 0o077, folder.grader_kubeconfig.stat().st_mode & 0o077) == (
        0,
        0,
    )
    assert said == ["cluster answers", "setup applied: 2 objects", "setup ready"]


def test_up_twice_says_that_it_runs_already(state: StateFolder, lab: Variant, runner: Embedded) -> None:
    up(state, lab, runner, silent)
    before = pid(state)
    assert up(state, lab, runner, silent) == "running"
    assert pid(state) == before


def test_two_at_once_make_one_environment(state: StateFolder, lab: Variant, runner: Embedded) -> None:
    outcomes: list[str] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(up(state, lab, runner, silent))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["created", "running"]


def test_two_labs_run_side_by_side(
    state: StateFolder, lab: Variant, runner: Embedded, make_lab: MakeLab
) -> None:
    text = (lab.folder / "lab.yaml").read_text().replace(ID, "lab-08-other")
    other = variant(load(make_lab({"lab.yaml": text}, name="lab-08-other")), 1)
    up(state, lab, runner, silent)
    up(state, other, runner, silent)
    assert [(it.record.lab, it.state) for it in statuses(state)] == [(ID, "ready"), ("lab-08-other", "ready")]
    down(state, ID)
    assert [it.record.lab for it in statuses(state)] == ["lab-08-other"]


def test_another_seed_is_refused_while_it_runs(state: StateFolder, lab: Variant, runner: Embedded) -> None:
    up(state, lab, runner, silent)
    with pytest.raises(UsageError, match="with the seed 1 rather than 2"):
        up(state, variant(lab.source, 2), runner, silent)


def test_down_ends_the_process_and_forgets_everything(
    state: StateFolder, lab: Variant, runner: Embedded
) -> None:
    up(state, lab, runner, silent)
    process = pid(state)
    assert down(state, ID)
    assert not Path(f"/proc/{process}").exists()
    assert not state.environment(ID).path.exists()
    assert not down(state, ID)
    with pytest.raises(UsageError, match="is not running"):
        running(state, ID)


def test_a_killed_cluster_is_seen_and_comes_back_with_what_it_had(
    state: StateFolder, lab: Variant, runner: Embedded
) -> None:
    up(state, lab, runner, silent)
    add_namespace(state, "of-the-learner")
    os.kill(pid(state), signal.SIGKILL)
    while runner.running(state.environment(ID).cluster):
        pass
    assert [it.state for it in statuses(state)] == ["stopped"]
    with pytest.raises(EnvironmentTrouble, match=f"The cluster of {ID} has stopped"):
        running(state, ID)
    assert up(state, lab, runner, silent) == "restarted"
    assert "of-the-learner" in namespaces(state)


def test_reset_brings_back_what_up_left(state: StateFolder, lab: Variant, runner: Embedded) -> None:
    up(state, lab, runner, silent)
    add_namespace(state, "of-the-learner")
    with connect(state.environment(ID).kubeconfig) as cluster:
        cluster.connection.request("DELETE", f"/api/v1/namespaces/{lab.namespace}/pods/client")
        reset(state, lab, silent)
        assert namespaces(state) == {lab.namespace, "labcheck-system"}
        assert cluster.get(cluster.kind("Pod"), "client", lab.namespace) is not None


def test_reset_brings_back_what_was_kept_later_and_after_that_what_up_left(
    state: StateFolder, lab: Variant, runner: Embedded
) -> None:
    up(state, lab, runner, silent)
    add_namespace(state, "later")
    kept = keep(state, lab, "solved")
    add_namespace(state, "latest")
    reset(state, lab, silent, kept)
    assert namespaces(state) == {lab.namespace, "labcheck-system", "later"}
    reset(state, lab, silent)
    assert namespaces(state) == {lab.namespace, "labcheck-system"}


def test_what_is_kept_knows_what_was_ready(state: StateFolder, lab: Variant, runner: Embedded) -> None:
    up(state, lab, runner, silent)
    assert [it.obj["metadata"]["name"] for it in keep(state, lab, "solved").ready] == ["client"]


def test_reset_needs_a_running_lab(state: StateFolder, lab: Variant) -> None:
    with pytest.raises(UsageError, match="is not running"):
        reset(state, lab, silent)


@pytest.mark.parametrize("point", ["cluster answers", "setup applied: 2 objects", "setup ready"])
def test_an_interrupted_up_leaves_nothing(
    state: StateFolder, lab: Variant, runner: Embedded, point: str
) -> None:
    def interrupt(text: str) -> None:
        if text == point:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        up(state, lab, runner, interrupt)
    assert statuses(state) == []
    assert not state.environment(ID).path.exists()


def test_an_up_that_was_killed_is_repaired_by_the_next(
    state: StateFolder, lab: Variant, runner: Embedded, controls: Path
) -> None:
    (controls / "never-ready").touch()
    child = os.fork()
    if child == 0:
        up(state, lab, runner, silent)
        os._exit(0)
    deadline = time.monotonic() + 20
    written = state.environment(ID).cluster / "pid"
    while not (written.exists() and written.read_text()):
        assert time.monotonic() < deadline
    orphan = pid(state)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    (controls / "never-ready").unlink()
    assert [it.state for it in statuses(state)] == ["interrupted"]
    with pytest.raises(EnvironmentTrouble, match="never completely started"):
        running(state, ID)
    said: list[str] = []
    assert up(state, lab, runner, said.append) == "created"
    assert said[0] == "cleaning up after an interrupted start"
    assert pid(state) != orphan


def test_a_cluster_that_breaks_at_its_start_says_why(
    state: StateFolder, lab: Variant, runner: Embedded, controls: Path
) -> None:
    (controls / "break-boot").touch()
    with pytest.raises(EnvironmentTrouble, match="ended before it was ready") as raised:
        up(state, lab, runner, silent)
    assert raised.value.evidence == "the fake cluster was told to break"
    assert statuses(state) == []


def test_a_cluster_that_never_answers_is_given_up(
    state: StateFolder, lab: Variant, runner: Embedded, controls: Path
) -> None:
    (controls / "never-ready").touch()
    impatient = Embedded(timeout=0.5)
    with pytest.raises(EnvironmentTrouble, match="is not ready after"):
        up(state, lab, impatient, silent)
    assert statuses(state) == []


def test_a_pid_that_was_reused_is_neither_trusted_nor_killed(
    state: StateFolder, lab: Variant, runner: Embedded
) -> None:
    up(state, lab, runner, silent)
    cluster = state.environment(ID).cluster
    runner.stop(cluster)
    for name in ("pid", "started"):
        (cluster / name).write_text(str(os.getpid()))
    assert [it.state for it in statuses(state)] == ["stopped"]
    assert down(state, ID)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "name: client\n",
            "name: client\n  typo: 1\n",
            r"10-namespace\.yaml:10: .*metadata\.typo|no field `typo`",
        ),
        ("kind: Pod", "kind: Pot", r"10-namespace\.yaml:7: There is no kind `Pot` in v1. Did you mean `Pod`"),
        ("kind: Pod", "kind: [", r"10-namespace\.yaml:\d+: This is not valid YAML"),
        ("{{ namespace }}\n---", "{{ nspace }}\n---", r"10-namespace\.yaml:4: 'nspace' is undefined"),
        (
            "apiVersion: v1\nkind: Pod",
            "apiVersion: v2\nkind: Pod",
            r"yaml:6: There is no API `v2`. Valid are",
        ),
    ],
)
def test_a_manifest_that_is_wrong_is_the_authors(
    state: StateFolder, runner: Embedded, make_lab: MakeLab, before: str, after: str, message: str
) -> None:
    text = (make_lab() / "setup/10-namespace.yaml").read_text()
    assert before in text
    broken = variant(load(make_lab({"setup/10-namespace.yaml": text.replace(before, after)})), 1)
    with pytest.raises(AuthorError, match=message):
        up(state, broken, runner, silent)
    assert statuses(state) == []
