"""httpbin's answers, path by path, in the manner of both programs."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from typing import Any

import pytest

from pocketmesh.node.apps.httpbin.answers import answer, pause
from pocketmesh.node.apps.httpbin.request import Asked
from pocketmesh.node.commands.web import Call, Reply


def ask(
    target: str,
    method: str = "GET",
    body: bytes = b"",
    go: bool = True,
    headers: dict[str, str] | None = None,
) -> Reply:
    found = tuple((headers or {}).items())
    return answer(Asked(Call(method, target, "web:8000", found, body, client="10.244.0.9"), go))


def said(target: str, **how: Any) -> Any:
    return json.loads(ask(target, **how).body)


def basic(credentials: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}


def test_get_describes_the_request_in_lists() -> None:
    assert said("/get?a=1&a=2", headers={"x-own": "5"}) == {
        "args": {"a": ["1", "2"]},
        "headers": {"Host": ["web:8000"], "X-Own": ["5"]},
        "method": "GET",
        "origin": "10.244.0.9",
        "url": "http://web:8000/get?a=1&a=2",
    }


def test_the_older_program_describes_it_in_values() -> None:
    assert said("/get?a=1&b=2&b=3", go=False, headers={"x-own": "5"}) == {
        "args": {"a": "1", "b": ["2", "3"]},
        "headers": {"Host": "web:8000", "X-Own": "5"},
        "origin": "10.244.0.9",
        "url": "http://web:8000/get?a=1&b=2&b=3",
    }


@pytest.mark.parametrize(
    ("kind", "body", "key", "expected"),
    [
        pytest.param("application/json", b'{"a": 1}', "json", {"a": 1}, id="json"),
        pytest.param("application/x-www-form-urlencoded", b"a=1&a=2", "form", {"a": ["1", "2"]}, id="form"),
        pytest.param("text/plain", b"hello", "data", "hello", id="text"),
        pytest.param("", b"hi", "data", "data:application/octet-stream;base64,aGk=", id="bytes"),
    ],
)
def test_a_body_is_shown_as_what_it_is(kind: str, body: bytes, key: str, expected: object) -> None:
    assert said("/post", method="POST", body=body, headers={"content-type": kind})[key] == expected


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("/", "GET", 200),
        ("/get", "HEAD", 200),
        ("/get", "POST", 405),
        ("/post", "GET", 405),
        ("/put", "PUT", 200),
        ("/delete", "DELETE", 200),
        ("/patch", "PATCH", 200),
        ("/anything/at/all", "PUT", 200),
        ("/status/503", "GET", 503),
        ("/status/200:0,418:1", "GET", 418),
        ("/status/99", "GET", 400),
        ("/status/x", "GET", 400),
        ("/status", "GET", 404),
        ("/unstable?failure_rate=1", "GET", 500),
        ("/unstable?failure_rate=0", "GET", 200),
        ("/delay/0.5", "GET", 200),
        ("/delay/11", "GET", 400),
        ("/delay/soon", "GET", 400),
        ("/redirect/0", "GET", 400),
        ("/redirect-to", "GET", 400),
        ("/redirect-to?url=/get&status_code=307", "GET", 307),
        ("/cookies/set?a=1", "GET", 302),
        ("/bearer", "GET", 401),
        ("/hidden-basic-auth/u/p", "GET", 404),
        ("/bytes/16", "GET", 200),
        ("/bytes/-1", "GET", 400),
        ("/image/png", "GET", 200),
        ("/image/tiff", "GET", 404),
        ("/html", "GET", 200),
        ("/xml", "GET", 200),
        ("/json", "GET", 200),
        ("/uuid", "GET", 200),
        ("/hostname", "GET", 200),
        ("/robots.txt", "GET", 200),
        ("/drip?numbytes=3&code=201", "GET", 201),
        ("/range/26", "GET", 200),
        ("/websocket/echo", "GET", 400),
        ("/get", "OPTIONS", 200),
        ("/nothing", "GET", 404),
    ],
)
def test_a_path_has_its_status(target: str, method: str, status: int) -> None:
    assert ask(target, method).status == status


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/redirect/1", "/get"),
        ("/redirect/3", "/relative-redirect/2"),
        ("/absolute-redirect/2", "http://web:8000/absolute-redirect/1"),
        ("/redirect/1?absolute=true", "http://web:8000/get"),
        ("/redirect-to?url=http://other/", "http://other/"),
        ("/status/302", "/redirect/1"),
    ],
)
def test_a_redirect_leads_on(target: str, location: str) -> None:
    assert dict(ask(target).headers)["location"] == location


@pytest.mark.parametrize(
    ("credentials", "status"), [("u:p", 200), ("u:wrong", 401), pytest.param("", 401, id="none")]
)
def test_basic_credentials_are_checked(credentials: str, status: int) -> None:
    assert ask("/basic-auth/u/p", headers=basic(credentials) if credentials else None).status == status


def test_a_bearers_token_is_told() -> None:
    assert said("/bearer", headers={"authorization": "Bearer abc"})["token"] == "abc"


@pytest.mark.parametrize(("go", "expected"), [(True, {"a": "1"}), (False, {"cookies": {"a": "1"}})])
def test_cookies_are_told(go: bool, expected: object) -> None:
    assert said("/cookies", go=go, headers={"cookie": "a=1"}) == expected


def test_headers_of_the_answer_can_be_asked_for() -> None:
    reply = ask("/response-headers?X-Own=5")

    assert dict(reply.headers)["X-Own"] == "5"
    assert json.loads(reply.body)["X-Own"] == ["5"]


def test_a_stream_has_as_many_lines_as_asked_for() -> None:
    assert [json.loads(line)["id"] for line in ask("/stream/3").body.splitlines()] == [0, 1, 2]


def test_bytes_of_a_seed_are_the_same_each_time() -> None:
    assert ask("/bytes/8?seed=1").body == ask("/bytes/8?seed=1").body


def test_a_packed_answer_can_be_unpacked() -> None:
    assert json.loads(gzip.decompress(ask("/gzip").body))["gzipped"]


@pytest.mark.parametrize(
    ("headers", "origin"),
    [({}, "10.244.0.9"), ({"x-forwarded-for": "10.1.1.1, 10.2.2.2"}, "10.1.1.1")],
    ids=["direct", "forwarded"],
)
def test_the_origin_is_whom_the_request_came_from(headers: dict[str, str], origin: str) -> None:
    assert said("/ip", headers=headers) == {"origin": origin}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/delay/1.5", 1.5),
        ("/delay/300ms", 0.3),
        ("/delay/99", 0.0),
        ("/drip?delay=0&duration=1", 1.0),
        ("/get", 0.0),
    ],
)
def test_an_answer_can_be_held_back(target: str, expected: float) -> None:
    assert pause(Asked(Call("GET", target, "web", (), b""))) == expected


@pytest.mark.parametrize("go", [True, False], ids=["go", "python"])
async def test_httpbin_answers_in_a_pod(place, run, go: bool) -> None:
    image, port = ("mccutchen/go-httpbin", 8080) if go else ("kennethreitz/httpbin", 80)
    place.pod("a", image="curlimages/curl", command=["sleep", "infinity"])
    place.pod("b", image=image, command=None)
    await place.until_ready("a")
    await place.until_ready("b")
    place.network.names["httpbin"] = [place.status("b")["podIP"]]

    _, head, _ = await run("curl", "-si", "-L", f"http://httpbin:{port}/cookies/set?a=1&b=2")

    assert [line for line in head.lower().splitlines() if line.startswith("set-cookie")] == [
        "set-cookie: a=1; httponly",
        "set-cookie: b=2; httponly",
    ]
    assert ("server: " in head.lower()) is not go


async def test_httpbin_echoes_what_comes_over_a_websocket(place) -> None:
    place.pod("b", image="mccutchen/go-httpbin", command=None)
    await place.until_ready("b")
    sock = await place.network.dial("10.244.0.4", place.status("b")["podIP"], 8080)
    reader, writer = await asyncio.open_connection(sock=sock)
    handshake = (
        b"GET /websocket/echo HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )

    writer.write(handshake)
    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"\x81\x82\0\0\0\0hi")  # RFC 6455, 5.2: a text of two bytes, masked with zeros
    message = await reader.readexactly(4)
    writer.close()

    assert head.startswith(b"HTTP/1.1 101 ")
    assert message == b"\x81\x02hi"
