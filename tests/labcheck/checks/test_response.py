from __future__ import annotations

import pytest

from labcheck.checks.response import Refusal, Response, Sample, parse

ANSWER = "HTTP/1.1 200 OK\r\nServer: istio-envoy\r\ncontent-type: text/plain\r\n\r\nHello version: v1\n"


def test_an_answer_has_code_headers_and_body() -> None:
    response = parse(ANSWER, 0)
    assert (response.code, response.headers["server"], response.body) == (
        200,
        "istio-envoy",
        "Hello version: v1\n",
    )
    assert response.ok
    assert response.through_waypoint
    assert response.refusal is None


def test_an_interim_answer_is_skipped() -> None:
    response = parse("HTTP/1.1 100 Continue\r\n\r\n" + ANSWER, 0)
    assert (response.code, response.body) == (200, "Hello version: v1\n")


def test_http_2_has_no_reason() -> None:
    assert parse("HTTP/2 204\r\nserver: x\r\n\r\n", 0).code == 204


def test_a_body_may_look_like_headers() -> None:
    assert parse("HTTP/1.1 200 OK\r\n\r\na: b\r\n\r\nc", 0).body == "a: b\n\nc"


@pytest.mark.parametrize(
    ("output", "exit_code", "refusal"),
    [
        pytest.param("", 56, Refusal.RESET, id="reset"),
        pytest.param("", 52, Refusal.RESET, id="reset, as an empty reply"),
        pytest.param("", 7, Refusal.REFUSED, id="nothing listens"),
        pytest.param("", 28, Refusal.TIMEOUT, id="timeout"),
        pytest.param("", 6, Refusal.DNS, id="no such name"),
        pytest.param("", 35, Refusal.TLS, id="tls"),
        pytest.param("", 99, Refusal.OTHER, id="another exit"),
        pytest.param("HTTP/1.1 403 Forbidden\r\n\r\nRBAC: access denied", 0, Refusal.FORBIDDEN, id="403"),
        pytest.param("HTTP/1.1 401 Unauthorized\r\n\r\n", 0, Refusal.UNAUTHORIZED, id="401"),
        pytest.param("HTTP/1.1 503 Service Unavailable\r\n\r\n", 0, Refusal.UNAVAILABLE, id="503"),
        pytest.param("HTTP/1.1 404 Not Found\r\n\r\n", 0, None, id="404 is an answer"),
        pytest.param("HTTP/1.1 200 OK\r\n\r\nhalf", 56, Refusal.RESET, id="reset in the middle"),
    ],
)
def test_how_a_request_was_refused(output: str, exit_code: int, refusal: Refusal | None) -> None:
    response = parse(output, exit_code)
    assert response.refusal is refusal
    assert not response.ok


def test_a_sample_counts_tallies_and_names_what_was_refused() -> None:
    sample = Sample(
        (Response(200, {}, "v1"), Response(200, {}, "v2"), Response(200, {}, "v1"), Response(0, {}, "", 56))
    )
    assert sample.count(lambda it: it.body == "v1") == 2
    assert sample.tally(lambda it: it.body) == {"v1": 2, "v2": 1, "": 1}
    assert [str(it) for it in sample.refused] == ["connection reset (curl exit 56)"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param("", "404", id="none"),
        pytest.param("no such page\nsee the index\n", "404 no such page", id="its first line"),
        pytest.param('{\n  "error": "no"\n}\n', '404 { "error": "no" }', id="an object in one line"),
        pytest.param('{\n  "error": "' + "no" * 40 + '"\n}\n', "404", id="nothing of a long object"),
    ],
)
def test_an_answer_is_told_by_its_code_and_the_beginning_of_its_body(body: str, said: str) -> None:
    assert str(Response(404, {}, body)) == said
