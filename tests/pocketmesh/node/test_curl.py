"""curl in a pod: its options, output and failures, on real libcurl and a network of socket pairs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from aiohttp import web

from pocketmesh.net.outside.authority import Authority
from pocketmesh.node.commands.curl.globbing import expand, file_name
from pocketmesh.node.commands.curl.options import WrongUsage, parse
from pocketmesh.node.commands.curl.writeout import rendered
from pocketmesh.node.commands.tls import Tls, server_context

ADDRESS = "10.96.0.50"


@pytest.fixture
async def served(place, run):
    """A server at http://web, and a pod to call it from."""
    calls = []

    async def answer(request):
        calls.append(request)
        body = await request.text()
        match request.path:
            case "/redirect":
                return web.Response(status=302, headers={"Location": "http://other/hello"}, text="moved\n")
            case "/post":
                return web.Response(
                    text=f"{request.method} {body} {request.headers.get('Content-Type', '')}\n"
                )
            case "/headers":
                return web.json_response(dict(request.headers))
            case "/missing":
                return web.Response(status=404, text="nothing\n")
            case "/busy":
                return web.Response(status=503 if len(calls) < 3 else 200, text="busy\n")
            case "/slow":
                await asyncio.sleep(30)
            case "/loop":
                return web.Response(status=302, headers={"Location": "/loop"})
            case "/big":
                return web.Response(body=b"x" * 2_000_000)
        return web.Response(text=f"hello {request.path_qs}\n", headers={"Server": "test"})

    server = web.Server(answer)
    place.network.listen(ADDRESS, 80, server)
    for name in ("web", "other"):
        place.network.names[name] = [ADDRESS]
    place.network.names["closed"] = ["10.96.0.51"]
    place.network.names["silent"] = ["10.96.0.52"]
    place.network.silent.add("10.96.0.52")
    place.network.unanswered.add("unanswered")

    class Dropping(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.transport.close()

    place.network.listen(ADDRESS, 81, Dropping)
    place.pod(image="curlimages/curl:8.16.0")
    await place.until_ready()
    run.calls = calls
    run.network = place.network
    run.server = server
    yield run
    await server.shutdown(0.01)


async def test_it_prints_the_body(served):
    assert await served("curl", "-s", "http://web/hello?a=1") == (0, "hello /hello?a=1\n", "")


async def test_a_url_needs_no_scheme(served):
    assert (await served("curl", "-s", "web"))[1] == "hello /\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["http://nowhere/"], 6, "curl: (6) Could not resolve host: nowhere\n", id="6"),
        pytest.param(
            ["http://unanswered/"], 6, "curl: (6) Could not resolve host: unanswered\n", id="6 without DNS"
        ),
        pytest.param(
            ["-m", "5", "http://unanswered/"],
            28,
            "curl: (28) Resolving timed out after ",
            id="28 resolving",
        ),
        pytest.param(
            ["http://closed/"],
            7,
            "curl: (7) Failed to connect to closed port 80 after 0 ms: Could not connect",
            id="7",
        ),
        pytest.param(
            ["-f", "http://web/missing"], 22, "curl: (22) The requested URL returned error: 404\n", id="22"
        ),
        pytest.param(["-m", "0.05", "http://web/slow"], 28, "curl: (28) Operation timed out after ", id="28"),
        pytest.param(
            ["--connect-timeout", "0.05", "http://silent/"],
            28,
            "curl: (28) Connection timed out after 5",
            id="28 connecting",
        ),
        pytest.param(["http://web:81/"], 52, "curl: (52) Empty reply from server\n", id="52"),
        pytest.param(["-L", "http://web/loop"], 47, "curl: (47) Maximum (50) redirects followed\n", id="47"),
        pytest.param(["ftp://web/"], 1, 'curl: (1) Protocol "ftp" not supported\n', id="1"),
        pytest.param(
            ["file:///etc/passwd"], 1, 'curl: (1) Protocol "file" not supported\n', id="no file of the host"
        ),
    ],
)
async def test_failures_have_curls_codes_and_words(served, arguments, code, message):
    found, out, err = await served("curl", "-sS", *arguments)
    assert (found, out) == (code, "")
    assert err.startswith(message)


async def test_a_silent_failure_says_nothing(served):
    assert await served("curl", "-s", "http://nowhere/") == (6, "", "")


async def test_a_connection_that_is_reset(served):
    class Resetting(asyncio.Protocol):
        def connection_made(self, transport):
            # Closing a unix socket with unread bytes in it resets the other end.
            transport.pause_reading()
            asyncio.get_running_loop().call_later(0.05, transport.abort)

    served.network.listen(ADDRESS, 82, Resetting)
    code, _, err = await served("curl", "-sS", "http://web:82/")
    assert (code, err) == (56, "curl: (56) Recv failure: Connection reset by peer\n")


async def test_the_status_alone(served):
    arguments = ["-s", "-o", "/dev/null", "-w", "%{http_code} %{remote_ip}\\n", "http://web/missing"]
    assert await served("curl", *arguments) == (0, f"404 {ADDRESS}\n", "")


async def test_headers_are_dumped_where_they_are_wanted(served):
    arguments = ["-s", "-o", "/dev/null", "-D"]
    _, shown, _ = await served("curl", *arguments, "-", "http://web/")
    assert shown.startswith("HTTP/1.1 200 OK\r\n")
    assert shown.endswith("\r\n\r\n")
    await served("curl", *arguments, "/tmp/head", "http://web/")
    assert (await served("cat", "/tmp/head"))[1].startswith("HTTP/1.1 200 OK\r\n")


async def test_a_file_that_cannot_be_written(served):
    place = "/var/run/secrets/kubernetes.io/serviceaccount/x"
    code, _, err = await served("curl", "-sS", "-o", place, "http://web/")
    assert (code, err) == (23, "curl: (23) client returned ERROR on write, 8 bytes was not written\n")


async def test_write_out_after_a_failure(served):
    assert (await served("curl", "-s", "-w", "%{http_code} %{exitcode}\n", "http://nowhere"))[1] == "000 6\n"


async def test_headers_and_body(served):
    _, out, _ = await served("curl", "-si", "http://web/")
    assert out.startswith("HTTP/1.1 200 OK\r\nServer: test\r\n")
    assert out.endswith("\r\n\r\nhello /\n")


async def test_head(served):
    _, out, _ = await served("curl", "-sI", "http://web/")
    assert out.startswith("HTTP/1.1 200 OK\r\n")
    assert "hello" not in out


async def test_verbose_tells_the_emulated_addresses(served):
    _, out, err = await served("curl", "-sv", "http://web/")
    assert out == "hello /\n"
    for line in (
        "* Host web:80 was resolved.\n",
        f"*   Trying {ADDRESS}:80...\n",
        "> GET / HTTP/1.1\r\n",
        "> Host: web\r\n",
        "< HTTP/1.1 200 OK\r\n",
        "< Server: test\r\n",
    ):
        assert line in err
    assert f"* Established connection to web ({ADDRESS} port 80) from 10.244.0." in err


async def test_the_progress_meter_is_shown_to_a_pipe(served):
    _, _, err = await served("curl", "http://web/")
    assert err.startswith("  % Total    % Received % Xferd  Average Speed")


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        pytest.param(
            ["-d", "a=1", "-d", "b=2"], "POST a=1&b=2 application/x-www-form-urlencoded\n", id="data"
        ),
        pytest.param(["--json", '{"a":1}'], 'POST {"a":1} application/json\n', id="json"),
        pytest.param(
            ["-X", "PUT", "--data-raw", "@x"], "PUT @x application/x-www-form-urlencoded\n", id="raw"
        ),
        pytest.param(
            ["--data-urlencode", "q=a b"], "POST q=a%20b application/x-www-form-urlencoded\n", id="urlencode"
        ),
        pytest.param(["-X", "DELETE"], "DELETE  \n", id="method"),
    ],
)
async def test_bodies_and_methods(served, arguments, answer):
    assert (await served("curl", "-s", *arguments, "http://web/post"))[1] == answer


async def test_get_turns_data_into_a_query(served):
    assert (await served("curl", "-sG", "-d", "a=1", "--data-urlencode", "b=x y", "http://web/"))[
        1
    ] == "hello /?a=1&b=x%20y\n"


async def test_request_headers(served):
    _, out, _ = await served(
        "curl", "-s", "-H", "end-user: jason", "-A", "me", "-u", "a:b", "http://web/headers"
    )
    assert '"end-user": "jason"' in out
    assert '"User-Agent": "me"' in out
    assert '"Authorization": "Basic YTpi"' in out


async def test_redirects_are_followed_when_asked(served):
    assert (await served("curl", "-s", "http://web/redirect"))[1] == "moved\n"
    arguments = ["-sL", "-w", "%{num_redirects} %{url_effective}", "http://web/redirect"]
    assert (await served("curl", *arguments))[1] == "hello /hello\n1 http://other/hello"


async def test_a_range_of_urls_uses_one_connection(served):
    served.network.dialled.clear()
    code, out, _ = await served("curl", "-s", "http://web/[1-5]")
    assert (code, out.count("hello")) == (0, 5)
    assert len(served.network.dialled) == 1


async def test_retries_until_it_works(served):
    arguments = ["-sS", "-f", "--retry", "3", "--retry-delay", "0.01", "http://web/busy"]
    code, out, err = await served("curl", *arguments)
    assert (code, out) == (0, "busy\n")
    assert err.count("Will retry in") == 2


async def test_resolve_overrides_the_dns(served):
    assert (await served("curl", "-s", "--resolve", f"made.up:80:{ADDRESS}", "http://made.up/"))[
        1
    ] == "hello /\n"


@pytest.mark.parametrize(
    ("detour", "reached"),
    [
        pytest.param("::web:", 0, id="all hosts and ports"),
        pytest.param("made.up:80:web:80", 0, id="one host and port"),
        pytest.param(f"::{ADDRESS}", 0, id="an address"),
        pytest.param("made.up:81:web:", 6, id="another port"),
        pytest.param("other:80:web:", 6, id="another host"),
        pytest.param("made.up:80:web:no", 49, id="no port"),
    ],
)
async def test_connect_to_sends_it_elsewhere(served, detour, reached):
    code, out, _ = await served("curl", "-s", "--connect-to", detour, "http://made.up/")
    assert (code, out) == (reached, "" if reached else "hello /\n")


async def test_a_variable_names_the_certificates_that_are_trusted(served):
    now = datetime.now(UTC)
    authority = Authority.new(now)
    context = server_context(*authority.issue("web", now), ["http/1.1"])
    served.network.listen(ADDRESS, 443, lambda: Tls(context, lambda _: served.server()))
    own = f"echo '{authority.certificate.decode()}' > /tmp/own.pem"
    assert (await served("curl", "-s", "https://web/"))[0] == 60
    assert await served("sh", "-c", f"{own}; CURL_CA_BUNDLE=/tmp/own.pem curl -s https://web/") == (
        0,
        "hello /\n",
        "",
    )


async def test_output_goes_to_a_file_of_the_container(served):
    await served("curl", "-s", "-o", "/tmp/out", "http://web/a")
    await served("sh", "-c", "cd /tmp && curl -sO http://web/named")
    assert (await served("cat", "/tmp/out", "/tmp/named"))[1] == "hello /a\nhello /named\n"


@pytest.mark.parametrize(
    "body", [("-o", "/dev/null"), ("-o", "/tmp/body"), ()], ids=["dropped", "kept", "shown"]
)
async def test_headers_are_dumped_wherever_the_body_goes(served, body):
    _, shown, _ = await served("curl", "-s", "-D", "-", *body, "http://web/a")
    assert shown.startswith("HTTP/1.1 200 OK\r\n")
    assert "Server: test\r\n" in shown
    assert ("hello /a" in shown) is not bool(body)
    await served("curl", "-s", "-D", "/tmp/head", *body, "http://web/a")
    assert "Server: test" in (await served("cat", "/tmp/head"))[1]


async def test_a_large_body_arrives_whole(served):
    assert len((await served("curl", "-s", "http://web/big"))[1]) == 2_000_000


async def test_in_a_script_it_can_be_piped(served):
    assert (await served("sh", "-c", "curl -s web/x | tr a-z A-Z"))[1] == "HELLO /X\n"


async def test_stopping_it_leaves_nothing_behind(place, served):
    waiting = asyncio.ensure_future(served("curl", "-s", "http://web/slow"))
    await place.until(lambda: served.calls)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--frobnicate", "x"], "curl: option --frobnicate: is unknown\n", id="long"),
        pytest.param(["-Y"], "curl: option -Y: is unknown\n", id="short"),
        pytest.param(["-m"], "curl: option -m: requires parameter\n", id="no value"),
        pytest.param(
            ["-m", "x", "web"], "curl: option -m: expected a proper numerical parameter\n", id="not a number"
        ),
        pytest.param(
            ["-x", "http://p", "web"], "curl: option -x: is not emulated in this cluster\n", id="proxy"
        ),
        pytest.param(["-s"], "curl: (2) no URL specified\n", id="no url"),
    ],
)
async def test_wrong_usage(served, arguments, message):
    code, _, err = await served("curl", *arguments)
    assert code == 2
    assert err == message + "curl: try 'curl --help' or 'curl --manual' for more information\n"


async def test_a_loop_sends_every_request(served):
    code, out, _ = await served("sh", "-c", "for i in $(seq 1 300); do curl -s http://web/hello; done")
    assert (code, out.count("hello /hello")) == (0, 300)


@pytest.mark.parametrize(
    ("words", "option", "value"),
    [
        pytest.param(["-sSo", "/dev/null"], "outputs", ["/dev/null"], id="letters together"),
        pytest.param(["-XPOST"], "values", {"request": ["POST"]}, id="value without space"),
        pytest.param(["--no-progress-meter"], "switches", {"progress-meter": False}, id="negated"),
        pytest.param(["--", "-x"], "urls", ["-x"], id="end of options"),
        pytest.param(["-OO"], "outputs", [None, None], id="twice"),
    ],
)
def test_parsing(words, option, value):
    assert getattr(parse(words), option) == value


def test_a_value_option_at_the_end_of_letters_takes_the_next_word():
    assert parse(["-sw", "%{http_code}", "u"]).values == {"write-out": ["%{http_code}"]}


def test_unknown_letters_are_refused():
    with pytest.raises(WrongUsage, match="option -Q: is unknown"):
        parse(["-sQ"])


@pytest.mark.parametrize(
    ("pattern", "urls"),
    [
        pytest.param("x/[1-3]", ["x/1", "x/2", "x/3"], id="numbers"),
        pytest.param("x/[08-10]", ["x/08", "x/09", "x/10"], id="leading zero"),
        pytest.param("x/[a-c]{1,2}", ["x/a1", "x/a2", "x/b1", "x/b2", "x/c1", "x/c2"], id="product"),
        pytest.param("x/[0-10:5]", ["x/0", "x/5", "x/10"], id="step"),
        pytest.param("x", ["x"], id="none"),
    ],
)
def test_globbing(pattern, urls):
    assert [url for url, _ in expand(pattern)] == urls


def test_what_was_chosen_names_the_file():
    assert file_name("f#1_#2", ("a", "b")) == "fa_b"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        pytest.param("%{http_code}\\n", "200\n", id="code"),
        pytest.param("%%\\t|", "%\t|", id="escapes"),
        pytest.param("%header{Server}", "test", id="header"),
        pytest.param("%{time_total}", "0.500000", id="seconds"),
    ],
)
def test_write_out(template, text):
    out, _, complaints = rendered(template, {"http_code": 200, "time_total": 0.5}, {"server": "test"})
    assert (out, complaints) == (text, "")


def test_an_unknown_variable_is_told():
    assert rendered("%{nope}", {}, {})[2] == "curl: unknown --write-out variable: 'nope'\n"


class TestOthers:
    async def test_wget(self, served):
        assert (await served("wget", "-qO-", "http://web/w"))[:2] == (0, "hello /w\n")
        assert await served("wget", "-q", "-O", "-", "http://closed/") == (
            1,
            "",
            "wget: can't connect to remote host (closed): Connection refused\n",
        )

    async def test_nslookup(self, served):
        code, out, _ = await served("nslookup", "web")
        assert (code, f"Name:\tweb\nAddress: {ADDRESS}\n" in out) == (0, True)
        assert (await served("nslookup", "nowhere"))[0] == 1

    async def test_getent(self, served):
        assert (await served("getent", "hosts", "web"))[1].split() == [ADDRESS, "web"]

    async def test_nc_sees_whether_a_port_is_open(self, served):
        assert (await served("nc", "-zv", "web", "80"))[0] == 0
        assert (await served("nc", "-z", "closed", "80"))[0] == 1

    async def test_helloworld(self, place, served):
        place.pod(
            "hw", image="registry.istio.io/release/examples-helloworld-v1:1.0", command=None, hostname="hw-1"
        )
        await place.until_ready("hw")
        address = place.status("hw")["podIP"]
        _, out, _ = await served("curl", "-si", f"http://{address}:5000/hello")
        assert "Server: gunicorn\r\n" in out
        assert out.endswith("Hello version: v1, instance: hw-1\n")
        assert (await served("curl", "-s", f"http://{address}:5000/health"))[1] == "Helloworld is healthy"
        assert (
            await served("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://{address}:5000/")
        )[1] == "404"
