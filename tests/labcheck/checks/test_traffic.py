"""The commands that are sent to a probe pod, run by this machine's own shells with a curl of our making."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from labcheck.checks.context import Probe
from labcheck.checks.journal import Journal
from labcheck.checks.response import Refusal
from labcheck.checks.traffic import Traffic
from labcheck.errors import Ungradable
from labcheck.kube import ApiRefused, ExecTimeout, Executed

SHELLS = [
    pytest.param([path], id=Path(path).name)
    for name in ("sh", "bash", "dash")
    if (path := shutil.which(name)) is not None
] + ([pytest.param([box, "sh"], id="busybox")] if (box := shutil.which("busybox")) else [])


class Pod:
    """Runs a command here as a pod would there."""

    def __init__(self, folder: Path, shell: Sequence[str]) -> None:
        self.folder, self.shell = folder, list(shell)
        self.commands: list[Sequence[str]] = []

    def curl(self, script: str) -> None:
        (self.folder / "curl").write_text(f"#!/bin/sh\n{script}\n")
        (self.folder / "curl").chmod(0o755)

    def exec(
        self, namespace: str, pod: str, container: str | None, command: Sequence[str], timeout: float
    ) -> Executed:
        self.commands.append(command)
        argv = [*self.shell, *command[1:]] if command[0] == "sh" else list(command)
        path = f"{self.folder}:{os.environ['PATH']}"
        done = subprocess.run(
            argv, capture_output=True, text=True, env={"PATH": path}, timeout=timeout, check=False
        )
        return Executed(done.stdout, done.stderr, done.returncode)


@pytest.fixture(params=SHELLS)
def pod(request: pytest.FixtureRequest, tmp_path: Path) -> Pod:
    return Pod(tmp_path, request.param)


def sender(cluster: Any) -> Any:
    return Traffic(cluster, {"client": Probe("red", "client")}).from_("client")


def test_a_request_can_be_sent_elsewhere(pod: Pod) -> None:
    pod.curl("printf 'HTTP/1.1 200 OK\\r\\n\\r\\n'")
    sender(pod).get("https://a/b", at="172.18.255.1")
    assert pod.commands[0][-3:] == ["--connect-to", "::172.18.255.1:", "https://a/b"]


def test_one_request_is_one_curl(pod: Pod) -> None:
    pod.curl("printf 'HTTP/1.1 200 OK\\r\\nserver: x\\r\\n\\r\\nhello'")
    response = sender(pod).get(
        "http://a/b", method="POST", headers={"x-user": "it's me"}, body="{}", timeout=3
    )
    assert (response.code, response.body) == (200, "hello")
    assert pod.commands == [
        [
            "curl",
            "-sS",
            "-i",
            "--max-time",
            "3",
            "-X",
            "POST",
            "-H",
            "x-user: it's me",
            "--data-raw",
            "{}",
            "http://a/b",
        ]
    ]


def test_a_refusal_is_an_answer(pod: Pod) -> None:
    pod.curl("echo 'curl: (56) Recv failure: Connection reset by peer' >&2; exit 56")
    assert sender(pod).get("http://a/").refusal is Refusal.RESET


def test_a_small_sample_is_one_command_with_a_response_for_each_request(pod: Pod) -> None:
    pod.curl(
        "n=$(cat n 2>/dev/null || echo 0); echo $((n+1)) > n; "
        'printf "HTTP/1.1 200 OK\\r\\n\\r\\nv$((n % 2))\\n"'
    )
    os.chdir(pod.folder)
    sample = sender(pod).sample("http://a/?x=1&y='2'", n=18)
    assert len(pod.commands) == 1
    assert sample.tally(lambda it: it.body.strip()) == {"v0": 9, "v1": 9}
    assert not sample.refused


def test_a_sample_keeps_refusals_among_answers(pod: Pod) -> None:
    pod.curl('if [ -e done ]; then rm done; exit 56; fi; touch done; printf "HTTP/1.1 200 OK\\r\\n\\r\\n"')
    os.chdir(pod.folder)
    sample = sender(pod).sample("http://a/", n=8)
    assert [it.exit_code for it in sample.responses] == [0, 56] * 4


def test_a_sample_gives_up_where_nothing_answers(pod: Pod) -> None:
    pod.curl("exit 7")
    sample = sender(pod).sample("http://a/", n=15)
    assert (sample.n, len(sample.refused)) == (10, 10)


def test_a_sample_gives_up_sooner_where_every_request_takes_its_time(pod: Pod) -> None:
    pod.curl("exit 28")
    assert sender(pod).sample("http://a/", n=15).n == 2


def test_a_large_sample_goes_out_in_lanes(pod: Pod) -> None:
    pod.curl("exit 7")
    sample = sender(pod).sample("http://a/", n=100)
    assert (sample.n, len(pod.commands)) == (30, 3)
    assert sorted(command[2].split("-lt ")[1].split(" ")[0] for command in pod.commands) == ["33", "33", "34"]


def test_a_pod_without_curl_is_ungradable(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    pod.curl("exit 127")
    for ask in (lambda: sender(pod).get("http://a/"), lambda: sender(pod).sample("http://a/", n=3)):
        with pytest.raises(Ungradable, match="cannot run"):
            ask()


def failing(error: Exception) -> Any:
    class Broken:
        def exec(self, *arguments: object) -> Executed:
            raise error

    return Broken()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        pytest.param(
            ApiRefused(404, {"message": 'pods "client" not found'}, "exec"), "cannot be used", id="no pod"
        ),
        pytest.param(ExecTimeout("too long"), "did not finish within", id="our time limit"),
    ],
)
def test_a_probe_that_cannot_be_used_is_ungradable(error: Exception, message: str) -> None:
    with pytest.raises(Ungradable, match=message):
        sender(failing(error)).get("http://a/")


def test_a_probe_that_was_not_declared_is_named() -> None:
    with pytest.raises(LookupError, match="Did you mean `client`"):
        Traffic(failing(OSError()), {"client": Probe("red", "client")}).from_("clent")


def test_requests_are_sent_together_and_answered_in_their_order() -> None:
    meeting = threading.Barrier(3, timeout=20)

    def request(answer: int) -> Callable[[], int]:
        return lambda: meeting.wait() * 0 + answer

    assert Traffic.together(request(1), request(2), request(3)) == [1, 2, 3]


def test_what_cannot_be_sent_together_is_raised() -> None:
    def broken() -> int:
        raise Ungradable("no pod")

    with pytest.raises(Ungradable, match="no pod"):
        Traffic.together(lambda: 1, broken)


def test_what_was_sent_is_kept_as_a_learner_would_type_it(pod: Pod) -> None:
    pod.curl("printf 'HTTP/1.1 200 OK\\r\\n\\r\\nhello'")
    journal = Journal()
    client = Traffic(pod, {"client": Probe("red", "client", "curl")}, journal).from_("client")  # type: ignore[arg-type]
    client.get("http://a/?x=1&y=2")
    client.sample("http://a/", n=3)
    client.sample("http://a/", n=3)
    first, *samples = [(it.text, it.result) for it in journal.entries]
    assert first == (
        "kubectl exec client -n red -c curl -- curl -sS -i --max-time 5 'http://a/?x=1&y=2'",
        "200 hello",
    )
    assert samples == 2 * [
        (
            "kubectl exec client -n red -c curl -- curl -sS -i --max-time 10 http://a/   # 3 times",
            "3 × 200 hello",
        )
    ]
