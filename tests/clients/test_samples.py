"""Istio's sample applications, applied unchanged and driven from a pod beside them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from .conftest import DEADLINE, Kubectl

ROOT = Path(__file__).parents[2]
FORTIO = "fortio load -c 2 -qps 0 -n 20 -quiet http://httpbin:8000/get"


class Site:
    """A namespace of the mesh with sample applications and curl in it."""

    def __init__(self, kubectl: Kubectl, samples: Path, directory: Path) -> None:
        self.kubectl = kubectl
        self._directory = directory
        self._samples = samples
        kubectl("label", "namespace", kubectl.namespace, "istio.io/dataplane-mode=ambient")
        self.apply("curl.yaml")

    def apply(self, *samples: str) -> None:
        for sample in samples:
            self.kubectl("apply", "-f", str(self._samples / sample))
        self.kubectl("wait", "--for=condition=Available", "deployment", "--all", f"--timeout={DEADLINE}s")

    def create(self, obj: dict[str, Any]) -> None:
        path = self._directory / f"{obj['metadata']['name']}.json"
        path.write_text(json.dumps(obj))
        self.kubectl("apply", "-f", str(path))

    def curl(self, *words: str) -> str:
        return self.kubectl("exec", "deploy/curl", "--", "curl", "-s", *words)

    def code(self, *words: str) -> str:
        return self.curl("-o", "/dev/null", "-w", "%{http_code}", *words)

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not holds():
            assert time.monotonic() < deadline, f"it did not happen in {DEADLINE} s"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def samples() -> Path:
    folder = (ROOT / os.environ.get("LABCHECK_SHARED", "../shared") / "data/samples").resolve()
    if not folder.is_dir():
        pytest.skip(f"no upstream data in {folder}; set LABCHECK_SHARED")
    return folder


@pytest.fixture(scope="module")
def site(
    in_new_namespace: Callable[[], Kubectl], samples: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Every sample in one namespace."""
    kubectl = in_new_namespace()
    site = Site(kubectl, samples, tmp_path_factory.mktemp("objects"))
    site.apply("bookinfo/bookinfo.yaml", "bookinfo/bookinfo-versions.yaml")
    site.apply("httpbin.yaml", "tcp-echo.yaml", "ext-authz.yaml", "helloworld.yaml")
    yield site
    kubectl("delete", "namespace", kubectl.namespace, "--wait=false")


def test_the_page_of_bookinfo_is_made_of_four_services(site: Site) -> None:
    page = site.curl("http://productpage:9080/productpage")

    assert "<title>Simple Bookstore App</title>" in page
    assert "Book Details" in page
    assert "reviews-v" in page.partition("Reviews served by:")[2]


@pytest.mark.parametrize(
    ("version", "color", "stars"),
    [pytest.param("v1", "", 0), pytest.param("v2", "black", 9), pytest.param("v3", "red", 9)],
)
def test_each_version_of_reviews_has_its_stars(site: Site, version: str, color: str, stars: int) -> None:
    said = json.loads(site.curl(f"http://reviews-{version}:9080/reviews/0"))
    ratings = [review.get("rating", {}) for review in said["reviews"]]

    assert said["podname"].startswith(f"reviews-{version}-")
    assert sum(rating.get("stars", 0) for rating in ratings) == stars
    assert {rating.get("color", "") for rating in ratings} == {color}


def test_the_page_calls_its_services_through_the_mesh(site: Site) -> None:
    """Bookinfo's own calls are connections of its pods: a policy that names their identities decides."""
    policy = {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "no-page"},
        "spec": {
            "selector": {"matchLabels": {"app": "details"}},
            "action": "DENY",
            "rules": [{"from": [{"source": {"principals": ["*/sa/bookinfo-productpage"]}}]}],
        },
    }
    site.create(policy)
    try:
        site.until(
            lambda: "Error fetching product details" in site.curl("http://productpage:9080/productpage")
        )
        assert site.code("http://details:9080/details/0") == "200"
    finally:
        site.kubectl("delete", "authorizationpolicy", "no-page")


@pytest.mark.parametrize(
    ("path", "key"),
    [("", "ISBN-10"), ("/reviews", "podname"), ("/ratings", "ratings")],
)
def test_the_product_page_hands_out_what_its_services_say(site: Site, path: str, key: str) -> None:
    said = json.loads(site.curl(f"http://productpage:9080/api/v1/products/0{path}"))

    assert key in said


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("productpage:9080/", "200"),
        ("productpage:9080/health", "200"),
        ("productpage:9080/api/v1/products", "200"),
        ("details:9080/details/0", "200"),
        ("details:9080/details/x", "400"),
        ("ratings:9080/ratings/0", "200"),
        ("ratings:9080/health", "200"),
        ("reviews:9080/health", "200"),
    ],
)
def test_a_service_of_bookinfo_answers(site: Site, url: str, code: str) -> None:
    assert site.code(f"http://{url}") == code


@pytest.fixture(scope="module")
def entrance(site: Site) -> str:
    """Bookinfo's gateway as this machine sees it."""
    site.apply("bookinfo/bookinfo-gateway.yaml")
    site.kubectl("wait", "--for=condition=Programmed", "gtw/bookinfo-gateway", f"--timeout={DEADLINE}s")
    port = "jsonpath={.spec.ports[?(@.port==80)].nodePort}"
    return f"http://127.0.0.1:{site.kubectl('get', 'svc', 'bookinfo-gateway-istio', '-o', port)}"


def test_bookinfo_is_open_to_this_machine(entrance: str) -> None:
    with urlopen(f"{entrance}/productpage", timeout=DEADLINE) as answer:
        assert answer.headers["server"] == "istio-envoy"
        assert "<title>Simple Bookstore App</title>" in answer.read().decode()


def test_what_the_route_does_not_name_stays_inside(entrance: str) -> None:
    with pytest.raises(HTTPError, match="404"):
        urlopen(f"{entrance}/details/0", timeout=DEADLINE)


def test_pods_enter_by_the_address_of_the_gateway(site: Site, entrance: str) -> None:
    address = "jsonpath={.status.addresses[0].value}"
    gateway = site.kubectl("get", "gtw", "bookinfo-gateway", "-o", address)

    assert site.code(f"http://{gateway}/productpage") == "200"
    assert site.code(entrance.replace("127.0.0.1", "172.18.0.2") + "/productpage") == "200"


def test_a_forwarded_port_leads_to_the_gateway(site: Site, entrance: str) -> None:
    with site.kubectl.running("port-forward", "svc/bookinfo-gateway-istio", ":80") as forwarding:
        port = forwarding.readline().split(":")[1].split()[0]
        with urlopen(f"http://127.0.0.1:{port}/productpage", timeout=DEADLINE) as answer:
            assert answer.status == 200


def test_httpbin_sees_its_client_and_the_headers(site: Site) -> None:
    said = json.loads(site.curl("-H", "x-own: 5", "http://httpbin:8000/get?a=1"))
    client = site.kubectl("get", "pod", "-l", "app=curl", "-o", "jsonpath={.items[0].status.podIP}")

    assert (said["args"], said["headers"]["X-Own"], said["origin"]) == ({"a": ["1"]}, ["5"], client)


def test_httpbin_notes_each_request_in_its_log(site: Site) -> None:
    site.code("http://httpbin:8000/status/418?noted")

    log = site.kubectl("logs", "deploy/httpbin")
    assert "418 GET /status/418?noted" in log


def test_fortio_loads_httpbin(site: Site) -> None:
    pod = ["run", "fortio", "--image=fortio/fortio:latest_release", "--command", "--"]
    site.kubectl(*pod, "fortio", "server")
    site.kubectl("wait", "--for=condition=Ready", "pod/fortio", f"--timeout={DEADLINE}s")

    assert "Code 200 : 20 (100.0 %)" in site.kubectl("exec", "fortio", "--", *FORTIO.split())


@pytest.mark.parametrize("port", [9000, 9001])
def test_tcp_echo_gives_a_line_back(site: Site, port: int) -> None:
    line = f"echo port {port} | nc tcp-echo {port}"

    assert site.kubectl("exec", "deploy/curl", "--", "sh", "-c", line) == f"hello port {port}\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(["-H", "x-ext-authz: allow"], "200", id="allowed"),
        pytest.param(["-H", "x-ext-authz: deny"], "403", id="denied"),
        pytest.param([], "403", id="without the header"),
    ],
)
def test_ext_authz_judges_by_a_header(site: Site, words: list[str], code: str) -> None:
    assert site.code(*words, "http://ext-authz:8000/check") == code


def test_ext_authz_says_why(site: Site) -> None:
    why = "denied by ext_authz for not found header `x-ext-authz: allow` in the request"

    assert site.curl("http://ext-authz:8000/check") == why


def test_helloworld_answers_from_either_version(site: Site) -> None:
    assert site.curl("http://helloworld:5000/hello").startswith("Hello version: v")
