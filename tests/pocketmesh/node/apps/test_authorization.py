"""The external authorization server over both protocols, and the server of keys for JWTs."""

from __future__ import annotations

import json

import pytest

from pocketmesh.node.apps.extauthz.check import CHECK, Check, allowed, denied, read
from pocketmesh.node.apps.extauthz.server import checked
from pocketmesh.node.commands.calling import Caller, Request
from pocketmesh.node.commands.grpc import framed, unframed
from pocketmesh.schema.wire import field, fields

WHY = "denied by ext_authz for not found header `x-ext-authz: allow` in the request"


def asked(source: str = "", **headers: str) -> bytes:
    """A CheckRequest as Envoy writes it."""
    entries = b"".join(
        field(3, field(1, name.replace("_", "-")) + field(2, value)) for name, value in headers.items()
    )
    http = field(2, "GET") + entries + field(4, "/a?b=1") + field(5, "web:80") + field(9, 0)
    peer = field(1, b"\x0a\x00") + field(4, source)
    return field(1, field(1, peer) + field(4, field(2, http)))


def test_what_envoy_asks_is_read() -> None:
    assert read(asked("spiffe://td/ns/n/sa/b", x_own="5")) == Check(
        method="GET", host="web:80", path="/a?b=1", headers={"x-own": "5"}, source="spiffe://td/ns/n/sa/b"
    )


def test_headers_may_come_raw() -> None:
    header = field(1, "x-own") + field(3, b"5")
    message = field(1, field(4, field(2, field(13, field(1, header)))))

    assert read(message).headers == {"x-own": "5"}


@pytest.mark.parametrize(
    ("check", "passes"),
    [
        pytest.param(Check(headers={"x-ext-authz": "allow"}), True, id="the header"),
        pytest.param(Check(source="spiffe://td/ns/n/sa/a"), True, id="the service account"),
        pytest.param(Check(source="spiffe://td/ns/n/sa/ba"), False, id="another service account"),
        pytest.param(Check(headers={"x-ext-authz": "deny"}), False, id="another value"),
        pytest.param(Check(), False, id="nothing"),
    ],
)
def test_a_request_passes_for_its_header_or_its_account(check: Check, passes: bool) -> None:
    assert checked(check, "a")[0] is passes


def test_a_refusal_has_a_status_and_says_why() -> None:
    parts = dict(fields(denied({"x": "1"}, WHY)))
    answer = dict(fields(parts[2]))

    assert dict(fields(parts[1])) == {1: 7}
    assert dict(fields(answer[1])) == {1: 403}
    assert answer[3].decode() == WHY


def test_an_admission_has_headers_for_the_application() -> None:
    parts = dict(fields(allowed({"x": "1"})))
    option = dict(fields(parts[3]))[2]

    assert parts[1] == b""
    assert dict(fields(dict(fields(option))[1])) == {1: b"x", 2: b"1"}


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        pytest.param(CHECK, {"x_ext_authz": "allow"}, "0", 0, id="allowed"),
        pytest.param(CHECK, {}, "0", 7, id="denied"),
        pytest.param("/other/Method", {}, "12", None, id="another method"),
    ],
)
async def test_the_server_speaks_grpc(place, path, headers, status, code) -> None:
    place.pod("a", image="curlimages/curl", command=["sleep", "infinity"])
    place.pod("b", image="registry.istio.io/testing/ext-authz:latest", command=None)
    await place.until_ready("a")
    await place.until_ready("b")
    place.network.names["authz"] = [place.status("b")["podIP"]]
    caller = Caller(place.node.worker("default", "a").main[0].container)
    head = (("content-type", "application/grpc"), ("te", "trailers"))
    try:
        response = await caller.call(
            Request(f"http://authz:9000{path}", "POST", head, framed(asked(**headers)), http2=True)
        )
    finally:
        caller.close()

    assert response.value("grpc-status") == status
    if code is not None:
        parts = dict(fields(unframed(bytes(response.body))))
        assert dict(fields(parts[1])).get(1, 0) == code


@pytest.mark.parametrize("url", ["http://keys:8000/jwks", "https://keys:8443/jwks"])
async def test_the_key_set_of_a_file_is_served(place, run, url: str) -> None:
    keys = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "keys", "namespace": "default"}}
    place.client.create("configmaps", {**keys, "data": {"set": '{"keys": [{"kty": "RSA"}]}'}})
    place.pod("a", image="curlimages/curl", command=["sleep", "infinity"])
    place.pod(
        "b",
        image="gcr.io/istio-testing/jwt-server:0.7",
        command=None,
        env=[{"name": "JWKS_FILE", "value": "/keys/set"}],
        volumes=[{"name": "keys", "configMap": {"name": "keys"}}],
        volumeMounts=[{"name": "keys", "mountPath": "/keys"}],
    )
    await place.until_ready("a")
    await place.until_ready("b")
    place.network.names["keys"] = [place.status("b")["podIP"]]

    _, out, _ = await run("curl", "-sk", url)

    assert json.loads(out) == {"keys": [{"kty": "RSA"}]}
