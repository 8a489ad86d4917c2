"""nginx: its configuration, which location answers, and what."""

from __future__ import annotations

import pytest

from pocketmesh.node.apps.nginx.answers import answer
from pocketmesh.node.apps.nginx.config import Emergency, parse
from pocketmesh.node.apps.nginx.sites import location_for, sites, unemulated
from pocketmesh.node.commands.web import Call, Reply
from pocketmesh.node.files import MemoryFiles

SITE = """
server {
    listen 80 default_server;
    listen [::]:80;
    root /site;
    add_header X-Site one;
    location = /exact { return 200 "exact\\n"; }
    location /static/ { add_header X-Static yes; }
    location ^~ /static/raw/ { return 200 raw; }
    location ~ \\.txt$ { return 200 text; }  # a comment; with { signs }
    location ~* \\.GIF$ { return 204; }
    location /moved { return 301 http://$host/new$request_uri; }
    location /who { default_type application/json; return 200 '{"who": "$hostname", "own": "$http_x_own"}'; }
    location /gone { return 410; }
    location /else { return /other; }
    location /back { proxy_pass http://backend; }
    location /app { try_files $uri $uri/ /index.html; }
    location /strict { try_files $uri =404; }
    location /other-root/ { alias /elsewhere/; }
}
server { listen 80; server_name b.example *.b.example; return 200 b; }
server { listen 8080; return 403; }
"""
FILES = {
    "/site/index.html": b"start",
    "/site/static/a.json": b"{}",
    "/site/folder/index.html": b"folder",
    "/site/empty/.keep": b"",
    "/elsewhere/x.html": b"x",
}


def ask(target: str, method: str = "GET", host: str = "web", port: int = 80, **headers: str) -> Reply:
    found = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    call = Call(method, target, host, found, b"", client="10.244.0.9")
    return answer(sites(parse(SITE, "a.conf"), 80), MemoryFiles(FILES), port, call, {"hostname": "web-1"})


@pytest.mark.parametrize(
    ("target", "status", "body"),
    [
        ("/", 200, b"start"),
        ("/exact", 200, b"exact\n"),
        ("/static/a.json", 200, b"{}"),
        ("/static/raw/a.txt", 200, b"raw"),
        ("/static/a.txt", 200, b"text"),
        ("/a.gif", 204, b""),
        ("/folder/", 200, b"folder"),
        ("/app/anything", 200, b"start"),
        ("/other-root/x.html", 200, b"x"),
        ("/../../site/index.html", 404, None),
        ("/strict/nothing", 404, None),
        ("/gone", 410, None),
        ("/empty/", 403, None),
        ("/back", 501, None),
        ("/nothing", 404, None),
    ],
)
def test_a_path_is_answered(target: str, status: int, body: bytes | None) -> None:
    reply = ask(target)

    assert reply.status == status
    assert body is None or reply.body == body


@pytest.mark.parametrize(
    ("target", "status", "location"),
    [
        ("/moved?a=1", 301, "http://web/new/moved?a=1"),
        ("/else", 302, "/other"),
        ("/folder", 301, "/folder/"),
    ],
)
def test_a_redirect_leads_on(target: str, status: int, location: str) -> None:
    reply = ask(target)

    assert (reply.status, dict(reply.headers)["location"]) == (status, location)


def test_a_text_is_filled_with_variables() -> None:
    reply = ask("/who", x_own="5")

    assert reply.body == b'{"who": "web-1", "own": "5"}'
    assert dict(reply.headers)["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("host", "port", "body"),
    [("web", 80, b"start"), ("b.example:80", 80, b"b"), ("c.b.example", 80, b"b")],
)
def test_a_server_is_found_by_its_name(host: str, port: int, body: bytes) -> None:
    assert ask("/", host=host, port=port).body == body


def test_a_server_is_found_by_its_port() -> None:
    assert ask("/", port=8080).status == 403


@pytest.mark.parametrize(
    ("target", "expected"),
    [("/index.html", {"X-Site": "one"}), ("/static/a.json", {"X-Static": "yes"}), ("/nothing", {})],
)
def test_headers_are_added_on_the_closest_level(target: str, expected: dict[str, str]) -> None:
    assert {name: value for name, value in ask(target).headers if name.startswith("X-")} == expected


def test_a_file_is_not_posted_to() -> None:
    assert ask("/", "POST").status == 405


def test_what_is_not_emulated_is_named_with_its_place() -> None:
    assert [(one.name, one.place) for one in unemulated(parse(SITE, "a.conf"))] == [
        ("proxy_pass", "a.conf:16")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("server {", 'unexpected end of file, expecting "}" in a.conf:1'),
        ("listen 80", 'unexpected end of file, expecting ";" or "}" in a.conf:1'),
        ("listen 80;\n}", 'unexpected "}" in a.conf:2'),
        ("listen 80 }", 'unexpected "}" in a.conf:1'),
        ("\n;", 'unexpected ";" in a.conf:2'),
    ],
)
def test_a_broken_configuration_is_refused_in_nginxs_words(text: str, message: str) -> None:
    with pytest.raises(Emergency) as refused:
        parse(text, "a.conf")

    assert str(refused.value) == message


def test_the_longest_prefix_wins() -> None:
    text = "server { location / { return 200 a; } location /long { return 200 b; } }"
    (site,) = sites(parse(text, "a.conf"), 80)

    assert location_for(site, "/longer").pattern == "/long"


def config(name: str, **data: str) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": {key.replace("_", "."): value for key, value in data.items()},
    }


@pytest.fixture
def serving(place, run):
    """Runs nginx in pod `b` as http://web, with a ConfigMap mounted, and curl in pod `a`."""

    async def start(path: str = "", image: str = "nginx:1.29", **data: str):
        spec: dict = {}
        if data:
            place.client.create("configmaps", config("own", **data))
            spec["volumes"] = [{"name": "own", "configMap": {"name": "own"}}]
            spec["volumeMounts"] = [{"name": "own", "mountPath": path}]
        place.pod("a", image="curlimages/curl", command=["sleep", "infinity"])
        place.pod("b", image=image, command=None, **spec)
        await place.until_ready("a")
        await place.until_ready("b")
        place.network.names["web"] = [place.status("b")["podIP"]]
        return run

    return start


async def test_nginx_welcomes(serving) -> None:
    run = await serving()

    _, out, _ = await run("curl", "-si", "http://web/")

    assert "<title>Welcome to nginx!</title>" in out
    assert "server: nginx/" in out.lower()


async def test_nginx_for_others_than_root_is_on_another_port(serving) -> None:
    run = await serving(image="nginxinc/nginx-unprivileged")

    assert (await run("curl", "-s", "http://web:8080/"))[0] == 0


async def test_mounted_pages_are_served(serving) -> None:
    run = await serving("/usr/share/nginx/html", index_html="<p>mine</p>")

    assert (await run("curl", "-s", "http://web/"))[1] == "<p>mine</p>"


async def test_a_mounted_configuration_is_used_and_noted_in_the_log(place, serving) -> None:
    conf = "server { listen 8081; location /hi { return 200 'hi\\n'; } location /p { proxy_pass http://x; } }"
    run = await serving("/etc/nginx/conf.d", own_conf=conf)

    assert (await run("curl", "-s", "http://web:8081/hi"))[1] == "hi\n"
    lines = b"".join(line.data for line in place.node.worker("default", "b").main[0].log.lines()).decode()
    assert '[warn] "proxy_pass" is not emulated here, in /etc/nginx/conf.d/own.conf:1' in lines
    assert '"GET /hi HTTP/1.1" 200 3' in lines


async def test_a_broken_configuration_stops_it(place) -> None:
    place.client.create("configmaps", config("own", own_conf="server {"))
    volumes = [{"name": "own", "configMap": {"name": "own"}}]
    mounts = [{"name": "own", "mountPath": "/etc/nginx/conf.d"}]
    place.pod("b", image="nginx", command=None, volumes=volumes, volumeMounts=mounts, restartPolicy="Never")

    await place.until(lambda: place.state("b").get("terminated"))

    assert place.state("b")["terminated"]["exitCode"] == 1
