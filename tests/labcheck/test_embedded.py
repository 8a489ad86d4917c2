"""The whole way on the real embedded cluster: what a learner types, and what must not be possible."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labcheck.kube import ApiRefused, Cluster, connect

LABS = Path(__file__).parent / "labs"
LAB = "lab-90-sample"


class Terminal:
    """Runs `labcheck` with a state folder of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.folder = state / "environments" / LAB

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "labcheck", "--labs", str(LABS), *words],
            capture_output=True,
            text=True,
            env=os.environ | {"LABCHECK_STATE": str(self.state)},
            check=False,
        )

    def score(self) -> tuple[int, int]:
        """The exit code and the score of a grading."""
        done = self("grade", "90", "--json")
        return done.returncode, json.loads(done.stdout)["score"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    labcheck = Terminal(tmp_path_factory.mktemp("state"))
    done = labcheck("up", "90")
    try:
        assert (done.returncode, done.stderr) == (0, "")
        yield labcheck
    finally:
        labcheck("down", "90")


@pytest.fixture
def labcheck(running: Terminal) -> Terminal:
    """The lab as it is at its start."""
    done = running("reset", "90")
    assert (done.returncode, done.stderr) == (0, "")
    return running


@pytest.fixture
def grader(labcheck: Terminal) -> Iterator[Cluster]:
    """The cluster as the grader's identity sees it."""
    with connect(labcheck.folder / "grader.kubeconfig") as cluster:
        yield cluster


def test_an_untouched_lab_scores_nothing_and_a_solved_one_everything(labcheck: Terminal) -> None:
    assert labcheck.score() == (1, 0)
    assert labcheck("solution", "90", "--give-up", "--run").returncode == 0
    assert labcheck.score() == (0, 5)
    assert labcheck("reset", "90").returncode == 0
    assert labcheck.score() == (1, 0)


def test_a_cluster_that_is_killed_comes_back_with_the_answer(labcheck: Terminal) -> None:
    labcheck("solution", "90", "--give-up", "--run")
    os.kill(int((labcheck.folder / "cluster" / "pid").read_text()), signal.SIGKILL)
    stopped = labcheck("grade", "90")
    assert (stopped.returncode, "Nothing is lost" in stopped.stderr) == (3, True)
    assert labcheck("up", "90").returncode == 0
    assert labcheck.score() == (0, 5)


def test_a_probe_that_was_deleted_is_ungradable(labcheck: Terminal) -> None:
    labcheck("solution", "90", "--give-up", "--run")
    with connect(labcheck.folder / "kubeconfig") as admin:
        admin.connection.request("DELETE", f"/api/v1/namespaces/{namespace(labcheck)}/pods/client")
    done = labcheck("grade", "90", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["result"], report["score"]) == (3, "ungradable", 2)
    assert report["tasks"][1]["evidence"]["next"].startswith("See `kubectl describe pod client")


def namespace(labcheck: Terminal) -> str:
    return str(json.loads((labcheck.folder / "record.json").read_text())["namespace"])


def test_the_grader_may_read_and_exec_into_probes(labcheck: Terminal, grader: Cluster) -> None:
    assert grader.get(grader.kind("Service"), "helloworld", namespace(labcheck)) is not None
    done = grader.exec(
        namespace(labcheck), "client", "curl", ["sh", "-c", "echo out; echo err >&2; exit 7"], 10
    )
    assert (done.stdout, done.stderr, done.code) == ("out\n", "err\n", 7)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/api/v1/namespaces/NS/secrets/not-for-checks", id="a secret"),
        pytest.param("GET", "/api/v1/secrets", id="all secrets"),
        pytest.param("DELETE", "/api/v1/namespaces/NS/pods/client", id="delete"),
        pytest.param("POST", "/api/v1/namespaces", id="create"),
        pytest.param("POST", "/pocketmesh/v1/snapshots/mine", id="snapshot"),
        pytest.param("POST", "/pocketmesh/v1/snapshots/ready/restore", id="restore"),
        pytest.param("POST", "/api/v1/namespaces/NS/serviceaccounts/default/token", id="another identity"),
    ],
)
def test_the_grader_may_do_nothing_else(labcheck: Terminal, grader: Cluster, method: str, path: str) -> None:
    body = {} if method == "POST" else None
    with pytest.raises(ApiRefused) as raised:
        grader.connection.request(method, path.replace("NS", namespace(labcheck)), body=body)
    assert raised.value.code == 403


def test_the_grader_may_not_exec_into_other_pods(labcheck: Terminal, grader: Cluster) -> None:
    pods = grader.all(grader.kind("Pod"), namespace(labcheck))
    other = next(it["metadata"]["name"] for it in pods if it["metadata"]["name"] != "client")
    with pytest.raises(ApiRefused) as raised:
        grader.exec(namespace(labcheck), other, None, ["id"], 10)
    assert raised.value.code == 403


def test_verify_finds_the_sample_honest(tmp_path: Path) -> None:
    done = Terminal(tmp_path)("verify", "90", "--json")
    assert {it["what"]: it["problem"] for it in json.loads(done.stdout)} == dict.fromkeys(
        ["up", "untouched", "guide", "solution", "mistake nothing", "mistake port"], ""
    )
    assert done.returncode == 0
