"""What no client should send: the answer is a Status with the right code, and the next request is served."""

from __future__ import annotations

import io
import json
from typing import Any

import aiohttp
import pytest

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
JSON, YAML = "application/json", "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
JSON_PATCH, STRATEGIC = "application/json-patch+json", "application/strategic-merge-patch+json"

NAMED = b'{"metadata":{"name":"x"},"data":'
DEEP = [200, 1_000, 100_000]
BOMB = b"a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (i, i, b",".join([b"*a%d" % (i - 1)] * 10)) for i in range(1, 9)
)


async def refusal(session: aiohttp.ClientSession, method: str, path: str, **request: Any) -> tuple[int, str]:
    """The code and the reason of the Status that a request is answered with."""
    if isinstance(body := request.get("data"), bytes):
        request["data"] = io.BytesIO(body)
    async with session.request(method, path, **request) as response:
        status = json.loads(await response.read())
    assert (status["kind"], status["apiVersion"], status["status"]) == ("Status", "v1", "Failure")
    assert status["code"] == response.status
    assert status["message"]
    return response.status, status.get("reason", "")


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        pytest.param(JSON, b"", 400, id="empty"),
        pytest.param(JSON, b'{"metadata":', 400, id="cut-off"),
        pytest.param(JSON, b"[]", 400, id="list"),
        pytest.param(JSON, b"null", 400, id="null"),
        pytest.param(JSON, b'{"metadata":{"name":"\xff\xfe"}}', 400, id="no-utf-8"),
        pytest.param(JSON, '{"metadata":{"name":"x"}}'.encode("utf-16"), 400, id="utf-16"),
        pytest.param(JSON, NAMED + b'{"a":"\\ud800"}}', 400, id="half-a-surrogate"),
        pytest.param(JSON, b'{"metadata":"x"}', 400, id="metadata-is-text"),
        pytest.param(JSON, b'{"metadata":{"name":{"a":1}}}', 400, id="name-is-an-object"),
        pytest.param(JSON, b'{"metadata":{"generateName":5}}', 400, id="generated-from-a-number"),
        pytest.param(JSON, b'{"metadata":{"name":"x","ownerReferences":[1]}}', 400, id="owner-is-a-number"),
        pytest.param(JSON, NAMED + b"1" * 400 + b"}", 400, id="number-without-end"),
        pytest.param(JSON, NAMED + b'{"a":"' + b"x" * 2_000_000 + b'"}}', 422, id="two-megabytes-of-data"),
        pytest.param(JSON, NAMED + b'{"a":"' + b"x" * 4_000_000 + b'"}}', 413, id="four-megabytes"),
        pytest.param(YAML, b"a: [", 400, id="yaml-cut-off"),
        pytest.param(YAML, b'metadata: {name: "\xff"}', 400, id="yaml-no-utf-8"),
        pytest.param(YAML, BOMB + b"metadata: {name: x}\ndata: *a8\n", 400, id="yaml-bomb"),
        pytest.param(YAML, b"metadata: {name: x}\ndata: &a {x: *a}\n", 400, id="yaml-in-itself"),
        pytest.param(YAML, b'metadata: !!python/object/apply:os.system ["id"]\n', 400, id="yaml-python"),
        pytest.param(YAML, b"metadata: {name: x}\ndata: !!set {a, b}\n", 400, id="yaml-set"),
        pytest.param(YAML, b"metadata: {name: x}\ndata: {a: !!int x}\n", 400, id="yaml-false-tag"),
        pytest.param(
            YAML, b"metadata: {name: x, generation: 1%s}\n" % (b"0" * 30), 400, id="yaml-big-number"
        ),
        pytest.param(YAML, b"metadata: {name: x}\n---\nmetadata: {name: y}\n", 400, id="yaml-two-documents"),
        pytest.param(PROTOBUF, b"", 415, id="protobuf-empty"),
        pytest.param(PROTOBUF, b"k8s\0" + b"\xff" * 100, 415, id="protobuf-garbage"),
        pytest.param(PROTOBUF, b"k8s\0\x0a\x0c\x0a\x02v1\x12\x09Config", 415, id="protobuf-cut-off"),
        pytest.param("text/xml", b"<a/>", 415, id="xml"),
        pytest.param("multipart/form-data", b"a", 415, id="form"),
    ],
)
async def test_a_body_that_says_nothing_useful_is_refused(
    session: aiohttp.ClientSession, content_type: str, body: bytes, code: int
) -> None:
    headers = {"Content-Type": content_type}

    found, _ = await refusal(session, "POST", CONFIGMAPS, data=body, headers=headers)

    assert found == code


@pytest.mark.parametrize("depth", DEEP)
@pytest.mark.parametrize(
    ("method", "path", "content_type"),
    [
        pytest.param("POST", DEFINITIONS, JSON, id="json"),
        pytest.param("POST", DEFINITIONS, YAML, id="yaml"),
        pytest.param("PATCH", f"{CONFIGMAPS}/kube-root-ca.crt", MERGE, id="merge-patch"),
        pytest.param("PATCH", f"{CONFIGMAPS}/x?fieldManager=me", APPLY, id="apply"),
    ],
)
async def test_endless_nesting_is_refused(
    session: aiohttp.ClientSession, method: str, path: str, content_type: str, depth: int
) -> None:
    headers = {"Content-Type": content_type}
    quote = b"" if content_type in (YAML, APPLY) else b'"'
    body = b"{%bmetadata%b: {%bname%b: %bx%b}, %bspec%b: " % ((quote,) * 8)
    body += b"[" * depth + b"1" + b"]" * depth + b"}"

    found = await refusal(session, method, path, data=body, headers=headers)

    assert found == (400, "BadRequest")


@pytest.mark.parametrize(
    ("content_type", "body", "codes"),
    [
        pytest.param(JSON_PATCH, b"{}", {400}, id="json-patch-no-list"),
        pytest.param(JSON_PATCH, b"[1]", {400}, id="json-patch-of-numbers"),
        pytest.param(JSON_PATCH, b'[{"op":"add"}]', {422}, id="json-patch-nowhere"),
        pytest.param(JSON_PATCH, b'[{"op":5,"path":[]}]', {422}, id="json-patch-of-wrong-types"),
        pytest.param(
            JSON_PATCH, b'[{"op":"replace","path":"","value":5}]', {400}, id="json-patch-to-a-number"
        ),
        pytest.param(MERGE, b"5", {400}, id="merge-a-number"),
        pytest.param(MERGE, b'{"metadata":5}', {400}, id="merge-metadata-away"),
        pytest.param(MERGE, b'{"data":5}', {422}, id="merge-a-wrong-type"),
        pytest.param(MERGE, b'{"metadata":{"resourceVersion":"abc"}}', {409}, id="merge-another-version"),
        pytest.param(MERGE, b'{"metadata":{"finalizers":5}}', {422}, id="merge-wrong-finalizers"),
        pytest.param(STRATEGIC, b'{"data":{"$patch":"foo"}}', {400}, id="strategic-unknown-directive"),
        pytest.param(STRATEGIC, b'{"metadata":{"ownerReferences":[5]}}', {400, 422}, id="strategic-number"),
        pytest.param(APPLY, b"[1]", {400}, id="apply-a-list"),
        pytest.param(APPLY, b"metadata: [1]", {400}, id="apply-metadata-list"),
        pytest.param("text/plain", b"x", {415}, id="text"),
    ],
)
async def test_a_patch_that_is_none_is_refused(
    session: aiohttp.ClientSession, content_type: str, body: bytes, codes: set[int]
) -> None:
    path, headers = f"{CONFIGMAPS}/kube-root-ca.crt?fieldManager=me", {"Content-Type": content_type}

    found, _ = await refusal(session, "PATCH", path, data=body, headers=headers)

    assert found in codes


async def test_a_json_patch_that_doubles_itself_is_refused(session: aiohttp.ClientSession) -> None:
    body = {"metadata": {"name": "doubled"}, "data": {"a": "x" * 1000}}
    async with session.post(CONFIGMAPS, json=body) as response:
        assert response.status == 201
    copies = [{"op": "copy", "from": "/data", "path": f"/data/c{i}"} for i in range(40)]

    found = await refusal(
        session,
        "PATCH",
        f"{CONFIGMAPS}/doubled",
        data=json.dumps(copies),
        headers={"Content-Type": JSON_PATCH},
    )

    assert found == (422, "Invalid")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=abc", 400),
        ("limit=²", 400),
        ("continue=abc", 400),
        ("continue=%ff", 400),
        ("resourceVersion=abc", 400),
        ("resourceVersion=-1", 400),
        ("resourceVersion=²", 400),
        ("resourceVersion=99999999999999999999", 504),
        ("labelSelector=a==b==c", 400),
        ("labelSelector=a%20in%20(", 400),
        ("fieldSelector=foo", 400),
        ("fieldSelector=spec.x=1", 400),
        ("watch=1&resourceVersion=abc", 400),
        ("watch=1&timeoutSeconds=abc", 400),
        ("watch=1&resourceVersion=99999999", 504),
        ("watch=1&sendInitialEvents=true", 422),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(
    session: aiohttp.ClientSession, query: str, code: int
) -> None:
    found, _ = await refusal(session, "GET", f"{CONFIGMAPS}?{query}")

    assert found == code


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"x",
        b'{"gracePeriodSeconds":"x"}',
        b'{"preconditions":5}',
        b'{"dryRun":5}',
        b'{"dryRun":["Some"]}',
        b'{"propagationPolicy":5}',
    ],
)
async def test_options_of_a_delete_that_make_no_sense_are_refused(
    session: aiohttp.ClientSession, body: bytes
) -> None:
    path = "/api/v1/namespaces/kube-public/configmaps/kube-root-ca.crt"

    found, _ = await refusal(session, "DELETE", path, data=body, headers={"Content-Type": JSON})

    assert found == 400


@pytest.mark.parametrize(
    "accept", ["text/xml", PROTOBUF, ";;,=", "application/json;as=Table;v=v9;g=meta.k8s.io"]
)
async def test_a_format_that_nobody_speaks_is_not_acceptable(
    session: aiohttp.ClientSession, accept: str
) -> None:
    found = await refusal(session, "GET", CONFIGMAPS, headers={"Accept": accept})

    assert found == (406, "NotAcceptable")


@pytest.mark.parametrize("seconds", ["9223372036854775807", "99999999999999999999999"])
async def test_a_grace_period_without_end_still_ends(session: aiohttp.ClientSession, seconds: str) -> None:
    spec = {
        "nodeName": "pocketmesh-control-plane",
        "containers": [{"name": "c", "image": "nowhere.test/x:1"}],
    }
    pod = {"metadata": {"generateName": "patient-"}, "spec": spec}
    async with session.post("/api/v1/namespaces/default/pods", json=pod) as response:
        assert response.status == 201
        name = (await response.json())["metadata"]["name"]

    path = f"/api/v1/namespaces/default/pods/{name}?gracePeriodSeconds={seconds}"
    async with session.delete(path) as response:
        assert response.status == 200


async def test_a_field_given_twice_is_warned_of_or_refused(session: aiohttp.ClientSession) -> None:
    body, headers = b'{"metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}', {"Content-Type": JSON}

    async with session.post(CONFIGMAPS, data=body, headers=headers) as response:
        assert response.headers["Warning"] == '299 - "duplicate field \\"data.a\\""'
    strict = await refusal(
        session, "POST", f"{CONFIGMAPS}?fieldValidation=Strict", data=body, headers=headers
    )

    assert strict == (400, "BadRequest")


async def test_keys_of_yaml_are_strings(session: aiohttp.ClientSession) -> None:
    body, headers = b"metadata: {name: keys}\ndata: {1: x, 2.5: y}\n", {"Content-Type": YAML}
    async with session.post(CONFIGMAPS, data=body, headers=headers) as response:
        assert (await response.json())["data"] == {"1": "x", "2.5": "y"}


@pytest.mark.parametrize("length", [20_000, 500_000])
async def test_long_urls_and_headers_are_read_as_go_reads_them(
    session: aiohttp.ClientSession, length: int
) -> None:
    path = f"{CONFIGMAPS}?labelSelector={'a' * length}"
    async with session.get(path, headers={"X-Long": "a" * length}) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/%ff/configmaps/x",
        "/api/v1/namespaces/default/configmaps/%ed%a0%80",
        "/api/v1/namespaces/default/pods/%00/log",
        "/api/v1/namespaces/default/configmaps/..%2f..",
        "/apis/a/b/c/d/e/f/g",
        "/%00",
        "/openapi/v3/%ff",
        "/pocketmesh/v1/snapshots/a/b/c",
    ],
)
async def test_a_path_that_leads_nowhere_is_not_found(session: aiohttp.ClientSession, path: str) -> None:
    found = await refusal(session, "GET", path)

    assert found == (404, "NotFound")


async def test_bytes_in_a_header_that_are_no_text_do_no_harm(session: aiohttp.ClientSession) -> None:
    headers = {"User-Agent": "\udcff\udcfe", "Content-Type": JSON}
    async with session.post(
        CONFIGMAPS, data=NAMED.replace(b'"x"', b'"agent"') + b"{}}", headers=headers
    ) as made:
        assert made.status == 201
