"""kubectl and the programs in containers: exec, attach, logs, port-forward."""

from __future__ import annotations

import urllib.request
from typing import Any

import pytest

SLEEPER = """\
apiVersion: v1
kind: Pod
metadata: {name: box}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: one, image: busybox, command: [sh, -c, "echo started; sleep infinity"]}
  - {name: two, image: busybox, command: [sleep, infinity]}
"""


@pytest.fixture
def box(kubectl: Any) -> str:
    kubectl("apply", "-f", "-", stdin=SLEEPER)
    kubectl("wait", "pod/box", "--for=condition=Ready", "--timeout=20s")
    return "box"


def test_exec_prints_what_the_program_prints(kubectl: Any, box: str) -> None:
    assert kubectl("exec", box, "-c", "one", "--", "echo", "hi", "there") == "hi there\n"


def test_exec_ends_with_the_programs_exit_code(kubectl: Any, box: str) -> None:
    done = kubectl.run("exec", box, "-c", "one", "--", "sh", "-c", "echo no >&2; exit 3")

    assert done.returncode == 3
    assert done.stderr == "no\ncommand terminated with exit code 3\n"


def test_exec_passes_stdin_and_its_end(kubectl: Any, box: str) -> None:
    text = "line\n" * 20_000

    assert kubectl("exec", "-i", box, "-c", "one", "--", "cat", stdin=text) == text


def test_exec_in_a_container_that_is_not_there(kubectl: Any, box: str) -> None:
    done = kubectl.run("exec", box, "-c", "nope", "--", "true")

    assert done.returncode == 1
    assert "container nope is not valid for pod box" in done.stderr


def test_logs_hold_what_the_container_printed(kubectl: Any, box: str) -> None:
    assert kubectl("logs", box, "-c", "one") == "started\n"


def test_logs_with_timestamps_and_tail(kubectl: Any, box: str) -> None:
    line = kubectl("logs", box, "-c", "one", "--timestamps", "--tail=1")

    assert line.endswith("Z started\n")


def test_followed_logs_come_at_once(kubectl: Any, box: str) -> None:
    with kubectl.running("logs", "-f", box, "-c", "one") as logs:
        assert logs.stdout.readline() == "started\n"
        assert logs.poll() is None


def test_previous_logs_of_a_container_that_never_ended(kubectl: Any, box: str) -> None:
    done = kubectl.run("logs", box, "-c", "one", "--previous")

    assert done.returncode == 1
    assert 'previous terminated container "one" in pod "box" not found' in done.stderr


def test_run_attaches_to_a_pod_of_its_own(kubectl: Any) -> None:
    image = ["--restart=Never", "--image=busybox"]

    said = kubectl("run", "once", "--rm", "-i", *image, "--command", "--", "cat", stdin="one\ntwo\n")

    assert said.startswith("one\ntwo\n")


def test_port_forward_reaches_the_pod(kubectl: Any, web: str) -> None:
    with kubectl.running("port-forward", "deployment/web", ":5000") as forward:
        address = forward.stdout.readline().split()[2]
        answers = [
            urllib.request.urlopen(f"http://{address}/hello", timeout=20).read().decode() for _ in range(2)
        ]

    assert [answer.partition(",")[0] for answer in answers] == ["Hello version: v1"] * 2


def test_port_forward_tells_of_a_closed_port(kubectl: Any, web: str) -> None:
    with kubectl.running("port-forward", "deployment/web", ":9") as forward:
        address = forward.stdout.readline().split()[2]
        with pytest.raises(OSError):
            urllib.request.urlopen(f"http://{address}/", timeout=20)

        assert "error forwarding port 9 to pod" in forward.stderr.readline()
