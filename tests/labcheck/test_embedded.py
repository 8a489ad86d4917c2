"""The whole way on the real embedded cluster: what a learner types, and what must not be possible."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labcheck.authoring.contents import contents
from labcheck.checks.cluster import ClusterView
from labcheck.environments import inventory
from labcheck.environments.embedded import Embedded
from labcheck.errors import Ungradable
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

    @contextlib.contextmanager
    def watching(self) -> Iterator[Callable[[str], None]]:
        """Watches the lab; what it gives waits until something was printed."""
        words = [sys.executable, "-u", "-m", "labcheck", "--labs", str(LABS), "watch", "90"]
        variables = os.environ | {"LABCHECK_STATE": str(self.state)}
        with subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=variables
        ) as process:
            assert process.stdout is not None
            lines = iter(process.stdout)

            def wait(text: str) -> None:
                seen = []
                for line in lines:
                    seen.append(line)
                    if text in line:
                        return
                raise AssertionError(f"{text!r} was not printed, but\n{''.join(seen)}")

            try:
                yield wait
            finally:
                process.send_signal(signal.SIGINT)
        assert process.returncode == 130

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


def test_grading_twice_finds_the_same_and_changes_nothing(labcheck: Terminal) -> None:
    labcheck("solution", "90", "--give-up", "--run")
    before = everything(labcheck)
    reports = [json.loads(labcheck("grade", "90", "--json").stdout) for _ in range(2)]
    for report in reports:
        for timed in (report, *report["tasks"]):
            del timed["seconds"]
    assert reports[0] == reports[1]
    assert everything(labcheck) == before


def everything(labcheck: Terminal) -> dict[str, str]:
    """Every object of the cluster with its revision, but for the leases that are renewed all the time."""
    with connect(labcheck.folder / "kubeconfig") as admin:
        found = {}
        for kind in admin.kinds():
            try:
                objects = admin.all(kind)
            except ApiRefused:
                continue  # a kind that can only be created, such as a review
            for obj in objects if kind.kind != "Lease" else ():
                metadata = obj["metadata"]
                name = f"{kind.key} {metadata.get('namespace')}/{metadata['name']}"
                found[name] = metadata.get("resourceVersion", "")
        return found


def test_all_objects_at_once_are_those_that_can_be_listed_kind_by_kind(labcheck: Terminal) -> None:
    with connect(labcheck.folder / "cluster" / "kubeconfig") as cluster:
        listed = contents(inventory.everything(cluster))
        assert contents(Embedded().everything(cluster)) == listed
    assert f"Namespace {namespace(labcheck)}" in listed


def test_an_application_that_was_exchanged_earns_nothing(labcheck: Terminal) -> None:
    labcheck("solution", "90", "--give-up", "--run")
    with connect(labcheck.folder / "kubeconfig") as admin:
        path = f"/apis/apps/v1/namespaces/{namespace(labcheck)}/deployments/helloworld"
        change = {"op": "replace", "path": "/spec/template/spec/containers/0/image"}
        image = "registry.istio.io/release/examples-helloworld-v2:1.0"
        admin.connection.request(
            "PATCH", path, body=[{**change, "value": image}], content_type="application/json-patch+json"
        )
    report = json.loads(labcheck("grade", "90", "--json").stdout)
    assert (report["result"], report["score"]) == ("not yet", 2)
    (found,) = report["tampering"]
    assert (found["object"], found["tasks"]) == (f"Deployment {namespace(labcheck)}/helloworld", ["answers"])
    assert [it["path"] for it in found["differences"]] == ["spec.template.spec.containers[helloworld].image"]
    assert report["tasks"][1]["outcome"] == "blocked"
    assert report["tasks"][1]["evidence"]["next"].endswith("labcheck reset lab-90-sample")


WRITES = '''
from labcheck.checks import task


@task("selected")
def test_selected(cluster, params):
    """It deletes what it should judge."""
    path = f"/api/v1/namespaces/{params.namespace}/services/helloworld"
    cluster._cluster.connection.request("DELETE", path)


@task("answers")
def test_answers(cluster, traffic, params):
    """It writes."""
'''


def test_a_check_that_writes_or_deletes_is_refused(labcheck: Terminal, tmp_path: Path) -> None:
    lab = tmp_path / "labs" / LAB
    shutil.copytree(LABS / LAB, lab)
    (lab / "test_lab.py").write_text(WRITES)
    before = everything(labcheck)
    done = labcheck("--labs", str(lab.parent), "grade", "90", "--json")
    first = json.loads(done.stdout)["tasks"][0]
    assert (done.returncode, first["outcome"]) == (3, "ungradable")
    assert 'cannot delete resource "services"' in first["evidence"]["observed"]
    assert everything(labcheck) == before


def test_watch_grades_again_when_the_cluster_changes_and_survives_its_restart(labcheck: Terminal) -> None:
    with labcheck.watching() as wait:
        wait("0/5  not yet")
        labcheck("solution", "90", "--give-up", "--run")
        wait("score: 0 → 5 of 5")
        os.kill(int((labcheck.folder / "cluster" / "pid").read_text()), signal.SIGKILL)
        wait("Nothing is lost")
        labcheck("up", "90")
        wait("5/5  passed")
        with connect(labcheck.folder / "kubeconfig") as admin:
            path = f"/api/v1/namespaces/{namespace(labcheck)}/services/helloworld"
            admin.connection.request("DELETE", path)
        wait("score: 5 → 0 of 5")


def namespace(labcheck: Terminal) -> str:
    return str(json.loads((labcheck.folder / "record.json").read_text())["namespace"])


def test_the_grader_may_read_and_exec_into_probes(labcheck: Terminal, grader: Cluster) -> None:
    assert grader.get(grader.kind("Service"), "helloworld", namespace(labcheck)) is not None
    shell = grader.shell(namespace(labcheck), "client", "curl")
    done = shell.run("echo out; echo err >&2; (exit 7)", 10)
    assert (done.output, done.code) == ("out\nerr\n", 7)
    assert shell.run("echo again", 10).output == "again\n"
    shell.close()


def test_checks_read_what_pods_wrote(labcheck: Terminal, grader: Cluster) -> None:
    place, view = namespace(labcheck), ClusterView(grader)
    server = next(pod.name for pod in view.all("Pod", place) if pod.name.startswith("helloworld"))
    lines = view.log(server, place, tail=1).splitlines()
    assert len(lines) == 1
    assert "Listening at" in lines[0]
    with pytest.raises(Ungradable, match="not found"):
        view.log("no-such-pod", place)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/api/v1/namespaces/NS/secrets/not-for-checks", id="a secret"),
        pytest.param("GET", "/api/v1/secrets", id="all secrets"),
        pytest.param("DELETE", "/api/v1/namespaces/NS/pods/client", id="delete"),
        pytest.param("POST", "/api/v1/namespaces", id="create"),
        pytest.param("GET", "/pocketmesh/v1/objects", id="everything at once"),
        pytest.param("GET", "/pocketmesh/v1/objects", id="all objects"),
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
        grader.shell(namespace(labcheck), other)
    assert raised.value.code == 403


def test_verify_finds_the_sample_honest(tmp_path: Path) -> None:
    done = Terminal(tmp_path)("verify", "90", "--json")
    found = {it["what"]: it["problem"] for it in json.loads(done.stdout)}
    assert set(found.values()) == {""}
    assert {"untouched", "guide", "solution", "mistake nothing", "mistake port"} <= found.keys()
    assert done.returncode == 0


def test_trace_follows_a_request_to_the_pod_that_answers(labcheck: Terminal, tmp_path: Path) -> None:
    labcheck("solution", "90", "--give-up", "--run")
    done = labcheck(
        "trace", "90", "client", "http://helloworld:5000/hello", "--svg", str(tmp_path / "way.svg")
    )
    assert done.stdout.startswith("GET http://helloworld:5000/hello  from Pod ")
    assert "HTTP 200" in done.stdout
    assert (tmp_path / "way.svg").read_text().startswith("<svg ")


def test_trace_knows_the_pods_that_checks_send_from_by_their_names(labcheck: Terminal) -> None:
    done = labcheck("trace", "90", "caller", "http://nowhere/")
    assert f"from Pod {namespace(labcheck)}/client\n" in done.stdout


def test_trace_for_programs_names_each_station(labcheck: Terminal) -> None:
    found = json.loads(labcheck("trace", "90", "client", "http://nowhere/", "--json").stdout)
    assert found["outcome"] == "curl: (6) Could not resolve host: nowhere"
    assert found["hops"][0]["because"] == "nobody has this name"


@pytest.mark.parametrize(
    ("client", "url", "why"),
    [
        pytest.param("nobody", "http://helloworld:5000/", 'no running pod "nobody"', id="no such pod"),
        pytest.param("client", "helloworld", "not an http or https URL: helloworld", id="no URL"),
    ],
)
def test_trace_says_what_it_cannot_follow(labcheck: Terminal, client: str, url: str, why: str) -> None:
    done = labcheck("trace", "90", client, url)
    assert done.returncode == 2
    assert why in done.stderr
