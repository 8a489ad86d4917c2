"""The echo applications in pods: what servers say on each protocol, and what the client prints."""

from __future__ import annotations

import json

import pytest

from pocketmesh.node.commands.echo import grpc
from pocketmesh.node.commands.echo.answers import Wishes, WrongWish, wishes
from pocketmesh.node.commands.flags import WrongUsage, parse
from pocketmesh.node.commands.grpc import Malformed

ADVANCED = "gcr.io/k8s-staging-gateway-api/echo-advanced:v20240412-v1.0.0-394-g40c666fd"
BASIC = "gcr.io/k8s-staging-gateway-api/echo-basic:v20240412"


@pytest.fixture
async def echo(place, run):
    """Pod `b` with the echo server, known as `echo`, and pod `a` to call it from."""
    place.pod("a", image=ADVANCED, args=["--port=8080"], command=None)
    arguments = ["--port=8080,8443", "--grpc=7070", "--tcp=9090", "--tls=8443", "--version=v1"]
    place.pod("b", image=ADVANCED, args=arguments, command=None)
    await place.until_ready("a")
    await place.until_ready("b")
    place.network.names["echo"] = [place.status("b")["podIP"]]
    return run


async def test_the_client_prints_status_and_what_the_server_says(echo) -> None:
    code, out, err = await echo("client", "http://echo:8080/path?x=1", "--method=POST", "-H", "X-Own: 5")

    lines = out.splitlines()
    assert (code, err) == (0, "All requests succeeded\n")
    assert lines[:2] == ["[0] Url=http://echo:8080/path?x=1", "[0] Header=X-Own:5"]
    assert "[0] StatusCode=200" in lines
    assert "[0] ResponseHeader=Content-Type:text/plain; charset=utf-8" in lines
    assert [line.removeprefix("[0 body] ") for line in lines if "body]" in line] == [
        "ServiceVersion=v1",
        "ServicePort=8080",
        "Host=echo:8080",
        "URL=/path?x=1",
        "Method=POST",
        "Proto=HTTP/1.1",
        "Alpn=",
        "RequestHeader=User-Agent:Go-http-client/1.1",
        "RequestHeader=X-Own:5",
        "Hostname=b",
    ]


@pytest.mark.parametrize(
    ("url", "options", "line"),
    [
        pytest.param("http://echo:8080/", ["--http2"], "Proto=HTTP/2.0", id="HTTP/2 on the port of HTTP/1.1"),
        pytest.param("https://echo:8443/", [], "Alpn=http/1.1", id="TLS"),
        pytest.param("https://echo:8443/", ["--http2"], "Alpn=h2", id="HTTP/2 over TLS"),
        pytest.param("grpc://echo:7070", ["--msg=hi"], "Echo=hi", id="gRPC"),
        pytest.param("tcp://echo:9090", ["--msg=hi"], "ServicePort=9090", id="TCP"),
    ],
)
async def test_every_protocol_is_answered(echo, url: str, options: list[str], line: str) -> None:
    code, out, _ = await echo("client", url, *options)

    assert code == 0
    assert f"[0 body] {line}" in out.splitlines()
    assert "StatusCode=200" in out


@pytest.mark.parametrize("url", ["http://echo:8080/", "grpc://echo:7070"])
async def test_many_requests_use_one_connection_and_are_told_apart_by_empty_lines(
    place, echo, url: str
) -> None:
    dialled = len(place.network.dialled)

    _, out, _ = await echo("client", url, "--count=50")

    assert len(place.network.dialled) == dialled + 1
    assert [text.startswith(f"[{number}] ") for number, text in enumerate(out.strip().split("\n\n"))] == [
        True
    ] * 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["http://closed/"], "Could not resolve host: closed", id="no such name"),
        pytest.param(["http://echo:81/"], "Failed to connect to echo port 81", id="no such port"),
        pytest.param(["grpc://echo:81"], "rpc error: code = Unavailable", id="no such port for gRPC"),
        pytest.param(["tcp://echo:81"], "dial tcp echo:81", id="no such port for TCP"),
        pytest.param(["ftp://echo/"], "no protocol handler found for scheme ftp", id="protocol"),
        pytest.param([], "accepts 1 arg(s), received 0", id="no URL"),
        pytest.param(["--nonsense", "echo"], "unknown flag: --nonsense", id="unknown flag"),
        pytest.param(["-H", "colonless", "echo"], "invalid header format", id="header"),
        pytest.param(["--timeout=soon", "echo"], 'time: invalid duration "soon"', id="timeout"),
    ],
)
async def test_a_failure_is_told_on_standard_error(echo, arguments: list[str], message: str) -> None:
    code, out, err = await echo("client", *arguments)

    assert (code, out) == (255, "")
    assert err.startswith("Error")
    assert message in err


async def test_redirects_are_followed_only_when_asked(echo) -> None:
    url = "http://echo:8080/?codes=302&headers=Location:/there"

    _, plain, _ = await echo("client", url)
    _, followed, _ = await echo("client", url, "-L")

    assert "StatusCode=302" in plain
    assert "StatusCode=200" in followed
    assert "URL=/there" in followed


async def test_a_grpc_method_that_nobody_serves_is_unimplemented(echo, run, place) -> None:
    place.pod("c", image="curlimages/curl", command=["sleep", "infinity"])
    await place.until_ready("c")

    _, out, _ = await run(
        "curl", "-si", "--http2-prior-knowledge", "-d", "", "http://echo:7070/proto.Other/Do", pod="c"
    )

    assert "grpc-status: 12" in out
    assert "grpc-message: unknown method Do for service proto.Other" in out


async def test_a_body_larger_than_a_window_arrives_whole(echo) -> None:
    long = "x" * 200_000

    _, out, _ = await echo("client", "grpc://echo:7070", f"--msg={long}")

    assert f"[0 body] Echo={long}\n" in out


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param("/", Wishes(), id="none"),
        pytest.param("/?delay=20ms", Wishes(delay=0.02), id="delay"),
        pytest.param("/?headers=a:1,b:2", Wishes(headers=(("a", "1"), ("b", "2"))), id="headers"),
        pytest.param("/?codes=500:1,200:9", Wishes(codes=((500, 1), (200, 9))), id="codes"),
        pytest.param("/?codes=503", Wishes(codes=((503, 1),)), id="one code"),
    ],
)
def test_a_query_asks_the_server_for_more(target: str, expected: Wishes) -> None:
    assert wishes(target) == expected


@pytest.mark.parametrize("target", ["/?delay=soon", "/?headers=a", "/?codes=99", "/?codes=x:1"])
def test_a_query_that_makes_no_sense_is_refused(target: str) -> None:
    with pytest.raises(WrongWish):
        wishes(target)


@pytest.mark.parametrize("message", ["", "hi", "ä" * 100, "x" * 100_000])
def test_a_grpc_frame_gives_back_its_message(message: str) -> None:
    assert grpc.decode(grpc.encode(message)) == message


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\1\0\0\0\0", id="compressed"),
        pytest.param(b"\0\0\0\0\5hi", id="too short"),
        pytest.param(b"\0\0\0\0\3\x12\1x", id="another field"),
        pytest.param(b"\0\0\0\0\6\x0a\xff\xff\xff\xff\xff", id="a length without end"),
    ],
)
def test_bytes_that_are_no_message_are_refused(frame: bytes) -> None:
    with pytest.raises(Malformed):
        grpc.decode(frame)


@pytest.mark.parametrize("words", [["--n=5", "x"], ["--n", "5", "x"], ["x", "-n5"], ["-n", "5", "x"]])
def test_flags_are_read_as_cobra_reads_them(words: list[str]) -> None:
    flags = parse(words, valued=["n"], switches=[], short={"n": "n"})

    assert (flags.number("n", 1), flags.plain) == (5, ["x"])


@pytest.mark.parametrize("words", [["--n"], ["--other=1"], ["-z"]])
def test_flags_that_are_unknown_or_lack_their_value_are_refused(words: list[str]) -> None:
    with pytest.raises(WrongUsage):
        parse(words, valued=["n"], switches=[], short={})


@pytest.fixture
async def basic(place, run):
    """echo-basic at http://basic:3000, and curl in pod `a`."""
    place.pod("a", image="curlimages/curl", command=["sleep", "infinity"])
    place.pod("b", image=BASIC, command=None, env=[{"name": "POD_NAME", "value": "b-1"}])
    await place.until_ready("a")
    await place.until_ready("b")
    place.network.names["basic"] = [place.status("b")["podIP"]]
    return run


async def test_echo_basic_describes_the_request(basic) -> None:
    _, out, _ = await basic("curl", "-s", "-H", "X-Own: 5", "http://basic:3000/path?x=1")

    said = json.loads(out)
    assert (said["path"], said["method"], said["proto"]) == ("/path?x=1", "GET", "HTTP/1.1")
    assert (said["pod"], said["httpPort"]) == ("b-1", "3000")
    assert said["headers"]["X-Own"] == ["5"]


@pytest.mark.parametrize(
    ("options", "url", "expected"),
    [
        pytest.param([], "http://basic:3000/health", "200", id="health"),
        pytest.param([], "http://basic:3000/status/418", "418", id="status"),
        pytest.param([], "http://basic:3000/?delay=soon", "500", id="wrong delay"),
        pytest.param(["--http2-prior-knowledge"], "http://basic:3001/", "200", id="HTTP/2"),
        pytest.param([], "http://basic:3001/", "400", id="HTTP/1.1 where HTTP/2 is wanted"),
    ],
)
async def test_echo_basic_answers_with_a_status(basic, options: list[str], url: str, expected: str) -> None:
    _, out, _ = await basic("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *options, url)

    assert out == expected


async def test_echo_basic_sets_the_headers_that_it_is_asked_for(basic) -> None:
    _, out, _ = await basic("curl", "-si", "-H", "X-Echo-Set-Header: x:1, y:2", "http://basic:3000/")

    assert {"x: 1", "y: 2"} <= set(out.splitlines())
