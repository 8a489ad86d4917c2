"""fortio: what it prints of a run, and runs in a pod."""

from __future__ import annotations

import re

import pytest

from pocketmesh.node.apps.fortio.report import Bucket, Run, Sample, buckets, codes, percentile, shares, text
from pocketmesh.node.apps.fortio.server import chosen, echo
from pocketmesh.node.commands.web import Call

VALUES = [0.0005, 0.0008, 0.0015, 0.0042]


def test_values_fall_into_steps_of_milliseconds() -> None:
    assert buckets(VALUES) == [
        Bucket(0.0005, 0.001, 50.0, 2),
        Bucket(0.001, 0.002, 75.0, 1),
        Bucket(0.004, 0.0042, 100.0, 1),
    ]


@pytest.mark.parametrize(("percent", "expected"), [(25, 0.00075), (50, 0.001), (75, 0.002), (100, 0.0042)])
def test_a_percentile_lies_straight_between_the_ends_of_its_bucket(percent: float, expected: float) -> None:
    assert percentile(buckets(VALUES), percent) == pytest.approx(expected)


def test_each_status_has_its_share() -> None:
    samples = [Sample(200, 0.001)] * 17 + [Sample(503, 0.001)] * 2 + [Sample(-1, 0.001)]

    assert codes(samples) == ["Code  -1 : 1 (5.0 %)\n", "Code 200 : 17 (85.0 %)\n", "Code 503 : 2 (10.0 %)\n"]


@pytest.mark.parametrize(("calls", "threads", "expected"), [(20, 2, [10, 10]), (10, 3, [4, 3, 3])])
def test_calls_are_shared_by_the_threads(calls: int, threads: int, expected: list[int]) -> None:
    assert shares(calls, threads) == expected


def test_a_quiet_report_is_shorter() -> None:
    run = Run([Sample(200, 0.001, 100, 10)] * 4, 2.0, threads=2, sockets=2)
    loud, quiet = text(run, quiet=False), text(run, quiet=True)

    assert "# range, mid point, percentile, count" in loud
    assert "# range" not in quiet
    assert quiet.endswith("Code 200 : 4 (100.0 %)\nAll done 4 calls (plus 0 warmup) 1.000 ms avg, 2.0 qps\n")


@pytest.mark.parametrize(
    ("wish", "expected"), [("", "200"), ("503", "503"), ("503:100", "503"), ("503:0", "200")]
)
def test_the_echo_chooses_by_percents(wish: str, expected: str) -> None:
    assert chosen(wish, "200") == expected


def test_the_echo_sends_back_what_it_is_asked_for() -> None:
    reply = echo(
        "web-1", Call("POST", "/?status=404&header=x-own:5", "web", (("content-type", "a/b"),), b"hi")
    )

    assert (reply.status, reply.body, dict(reply.headers)) == (
        404,
        b"hi",
        {"x-own": "5", "content-type": "a/b"},
    )


@pytest.fixture
async def served(place, run):
    """fortio's server at http://web:8080, and fortio in pod `a`."""
    place.pod("a", image="fortio/fortio:latest_release", command=None)
    place.pod("b", image="fortio/fortio", command=None)
    await place.until_ready("a")
    await place.until_ready("b")
    place.network.names["web"] = [place.status("b")["podIP"]]
    place.network.names["none"] = ["10.96.0.99"]
    return run


async def test_a_load_makes_as_many_calls_as_asked_for(served) -> None:
    code, out, _ = await served(
        "fortio", "load", "-c", "3", "-qps", "0", "-n", "20", "-quiet", "http://web:8080/"
    )

    assert code == 0
    assert "Code 200 : 20 (100.0 %)\n" in out
    assert "Sockets used: 3 (for perfect keepalive, would be 3)" in out
    assert re.search(r"^All done 20 calls \(plus 0 warmup\) [\d.]+ ms avg, [\d.]+ qps$", out, re.M)


async def test_a_load_tells_of_what_had_no_success(served) -> None:
    _, out, err = await served(
        "fortio", "load", "-c", "1", "-qps", "0", "-n", "2", "http://web:8080/?status=503"
    )

    assert "Code 503 : 2 (100.0 %)" in out
    assert err.count('"code":503') == 2


async def test_a_load_for_a_time_keeps_its_pace(served) -> None:
    _, out, _ = await served("fortio", "load", "-c", "2", "-qps", "100", "-t", "100ms", "http://web:8080/")

    assert "Code 200 : 10 (100.0 %)" in out
    assert "(plus 2 warmup)" in out


async def test_a_load_of_nobody_is_counted_as_minus_one(served) -> None:
    _, out, _ = await served("fortio", "load", "-c", "1", "-n", "2", "-qps", "0", "-quiet", "http://none/")

    assert "Code  -1 : 2 (100.0 %)" in out


@pytest.mark.parametrize(("target", "code"), [("", 0), ("?status=503", 1)])
async def test_curl_shows_head_and_body(served, target: str, code: int) -> None:
    done, out, _ = await served("fortio", "curl", "-payload", "hi", f"http://web:8080/{target}")

    assert done == code
    assert out.startswith("HTTP/1.1 503" if code else "HTTP/1.1 200 OK\r\n")
    assert out.endswith("\r\n\r\nhi")


@pytest.mark.parametrize(
    "words", [["load"], ["load", "-unknown", "x"], ["grpcping"], ["load", "-t", "x", "u"]]
)
async def test_what_it_does_not_understand_is_refused(served, words: list[str]) -> None:
    code, _, err = await served("fortio", *words)

    assert (code, err[:8]) == (1, "fortio: ")
