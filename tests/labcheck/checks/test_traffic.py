"""What is sent to a probe pod, run by this machine's own shells with a curl of our making."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from labcheck.checks.context import Probe
from labcheck.checks.journal import Journal
from labcheck.checks.response import Refusal
from labcheck.checks.shells import Shells
from labcheck.checks.traffic import Traffic
from labcheck.errors import Ungradable
from labcheck.kube import ApiRefused, ExecTimeout, Shell, StreamEnded


def sender(cluster: Any) -> Any:
    return Traffic(Shells(cluster), {"client": Probe("red", "client")}).from_("client")


def test_a_request_can_be_sent_elsewhere(local_pod: Any) -> None:
    local_pod.curl("printf 'HTTP/1.1 200 OK\\r\\n\\r\\n'")
    sender(local_pod).get("https://a/b", at="172.18.255.1")
    assert "--connect-to ::172.18.255.1: https://a/b\n" in local_pod.sent[0]


def test_one_request_is_one_curl(local_pod: Any) -> None:
    local_pod.curl("printf 'HTTP/1.1 200 OK\\r\\nserver: x\\r\\n\\r\\nhello'")
    response = sender(local_pod).get(
        "http://a/b", method="POST", headers={"x-user": "it's me"}, body="{}", timeout=3
    )
    assert (response.code, response.body) == (200, "hello")
    asked = """curl -sS -i --max-time 3 -X POST -H 'x-user: it'"'"'s me' --data-raw '{}' http://a/b\n"""
    assert [asked in line for line in local_pod.sent] == [True]


def test_a_refusal_is_an_answer(local_pod: Any) -> None:
    local_pod.curl("echo 'curl: (56) Recv failure: Connection reset by peer' >&2; exit 56")
    assert sender(local_pod).get("http://a/").refusal is Refusal.RESET


def test_a_small_sample_is_one_command_with_a_response_for_each_request(local_pod: Any) -> None:
    local_pod.curl(
        "n=$(cat n 2>/dev/null || echo 0); echo $((n+1)) > n; "
        'printf "HTTP/1.1 200 OK\\r\\n\\r\\nv$((n % 2))\\n"'
    )
    sample = sender(local_pod).sample("http://a/?x=1&y='2'", n=18)
    assert len(local_pod.sent) == 1
    assert sample.tally(lambda it: it.body.strip()) == {"v0": 9, "v1": 9}
    assert not sample.refused


def test_a_sample_keeps_refusals_among_answers(local_pod: Any) -> None:
    local_pod.curl(
        'if [ -e done ]; then rm done; exit 56; fi; touch done; printf "HTTP/1.1 200 OK\\r\\n\\r\\n"'
    )
    sample = sender(local_pod).sample("http://a/", n=8)
    assert [it.exit_code for it in sample.responses] == [0, 56] * 4


def test_a_sample_gives_up_where_nothing_answers(local_pod: Any) -> None:
    local_pod.curl("exit 7")
    sample = sender(local_pod).sample("http://a/", n=15)
    assert (sample.n, len(sample.refused)) == (10, 10)


def test_a_sample_gives_up_sooner_where_every_request_takes_its_time(local_pod: Any) -> None:
    local_pod.curl("exit 28")
    assert sender(local_pod).sample("http://a/", n=15).n == 2


def test_a_large_sample_goes_out_in_lanes(local_pod: Any) -> None:
    local_pod.curl("exit 7")
    sample = sender(local_pod).sample("http://a/", n=100)
    assert (sample.n, len(local_pod.sent)) == (30, 3)
    assert sorted(line.split("-lt ")[1].split(" ")[0] for line in local_pod.sent) == ["33", "33", "34"]


def test_a_pod_without_curl_is_ungradable(local_pod: Any) -> None:
    local_pod.curl("exit 127")
    for ask in (
        lambda: sender(local_pod).get("http://a/"),
        lambda: sender(local_pod).sample("http://a/", n=3),
    ):
        with pytest.raises(Ungradable, match="cannot run"):
            ask()


def failing(error: Exception) -> Any:
    class Broken:
        def shell(self, *arguments: object) -> Shell:
            raise error

    return Broken()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        pytest.param(
            ApiRefused(404, {"message": 'pods "client" not found'}, "exec"), "cannot be used", id="no pod"
        ),
        pytest.param(ExecTimeout("too long"), "did not finish within", id="our time limit"),
        pytest.param(
            StreamEnded("The shell in a pod ended with 137."), "ended with 137", id="a shell that ends"
        ),
    ],
)
def test_a_probe_that_cannot_be_used_is_ungradable(error: Exception, message: str) -> None:
    with pytest.raises(Ungradable, match=message):
        sender(failing(error)).get("http://a/")


def test_a_probe_that_was_not_declared_is_named() -> None:
    with pytest.raises(LookupError, match="Did you mean `client`"):
        Traffic(Shells(failing(OSError())), {"client": Probe("red", "client")}).from_("clent")


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


def test_what_was_sent_is_kept_as_a_learner_would_type_it(local_pod: Any) -> None:
    local_pod.curl("printf 'HTTP/1.1 200 OK\\r\\n\\r\\nhello'")
    journal = Journal()
    client = Traffic(Shells(local_pod), {"client": Probe("red", "client", "curl")}, journal).from_("client")
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
