from __future__ import annotations

import io
from typing import Any

import pytest

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"


def configmap(name: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": {"a": "1"}, **more}


@pytest.fixture
async def two(api: Any) -> None:
    for name in ("one", "two"):
        async with api.post(CONFIGMAPS, configmap(name)) as response:
            assert response.status == 201


async def test_a_list_carries_the_revision_it_was_made_at(api: Any, two: None) -> None:
    async with api.get(CONFIGMAPS) as response:
        found = await response.json()

    assert [item["metadata"]["name"] for item in found["items"]] == ["one", "two"]
    assert (found["kind"], found["metadata"]["resourceVersion"]) == (
        "ConfigMapList",
        str(api.registry.store.revision),
    )


async def test_items_of_a_built_in_list_do_not_repeat_what_the_list_says(api: Any, two: None) -> None:
    async with api.get(CONFIGMAPS) as response:
        items = (await response.json())["items"]

    assert [set(item) for item in items] == [{"metadata", "data"}] * 2


@pytest.mark.parametrize(
    ("query", "agent", "indented"),
    [("", "kubectl/v1.36", False), ("", "curl/8.5", True), ("?pretty=true", "kubectl/v1.36", True)],
    ids=["a program", "curl", "who asks for it"],
)
async def test_people_get_indented_json(api: Any, two: None, query: str, agent: str, indented: bool) -> None:
    async with api.get(f"{CONFIGMAPS}/two{query}", **{"User-Agent": agent}) as response:
        assert (len((await response.text()).splitlines()) > 1) is indented


async def test_a_list_comes_in_pages(api: Any, two: None) -> None:
    async with api.get(f"{CONFIGMAPS}?limit=1") as response:
        first = await response.json()
    async with api.get(f"{CONFIGMAPS}?limit=1&continue={first['metadata']['continue']}") as response:
        second = await response.json()

    assert first["metadata"]["remainingItemCount"] == 1
    assert [page["items"][0]["metadata"]["name"] for page in (first, second)] == ["one", "two"]


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("", "PartialObjectMetadata"),
        ("Metadata", "PartialObjectMetadata"),
        ("Object", "ConfigMap"),
        ("None", None),
    ],
)
async def test_a_table_includes_as_much_of_the_objects_as_asked(
    api: Any, two: None, include: str, expected: str | None
) -> None:
    async with api.get(f"{CONFIGMAPS}?includeObject={include}", Accept=TABLE) as response:
        table = await response.json()

    row = table["rows"][0]
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert row["cells"][:2] == ["one", 1]
    assert (row["object"] or {}).get("kind") == expected


async def test_metadata_alone_is_enough_for_some(api: Any, two: None) -> None:
    async with api.get(CONFIGMAPS, Accept=PARTIAL) as response:
        found = await response.json()

    assert found["kind"] == "PartialObjectMetadataList"
    assert set(found["items"][0]) == {"kind", "apiVersion", "metadata"}


async def test_unknown_fields_are_warned_of(api: Any) -> None:
    async with api.post(CONFIGMAPS, configmap("c", dato={})) as response:
        assert response.status == 201
        assert response.headers.getall("Warning") == ['299 - "unknown field \\"dato\\""']


async def test_strict_validation_refuses_unknown_fields(api: Any) -> None:
    async with api.post(f"{CONFIGMAPS}?fieldValidation=Strict", configmap("c", dato={})) as response:
        status = await response.json()

    assert response.status == 400
    assert status["message"].endswith('strict decoding error: unknown field "dato"')


@pytest.mark.parametrize(("validation", "code"), [("Strict", 400), ("Warn", 201), ("Ignore", 201)])
async def test_duplicate_fields_are_judged_as_asked(api: Any, validation: str, code: int) -> None:
    body = b'{"metadata": {"name": "c"}, "data": {"a": "1", "a": "2"}}'
    url = api.url(f"{CONFIGMAPS}?fieldValidation={validation}")
    async with api.session.post(url, data=body, headers={"Content-Type": "application/json"}) as response:
        text = str(response.headers.get("Warning", "")) + (await response.json()).get("message", "")

    assert response.status == code
    assert ("duplicate field" in text) == (validation != "Ignore")


async def test_a_body_may_be_yaml(api: Any) -> None:
    headers = {"Content-Type": "application/yaml"}
    async with api.session.post(
        api.url(CONFIGMAPS), data="metadata: {name: c}\ndata: {a: '1'}", headers=headers
    ) as response:
        assert response.status == 201


@pytest.mark.parametrize(
    ("body", "content_type", "code", "reason"),
    [
        pytest.param(b"{", "application/json", 400, "BadRequest", id="broken"),
        pytest.param(b"<a/>", "application/xml", 415, "UnsupportedMediaType", id="xml"),
        pytest.param(b" " * (3 << 20) + b"{}", "application/json", 413, "RequestEntityTooLarge", id="3 MiB"),
    ],
)
async def test_a_body_that_cannot_be_taken(
    api: Any, body: bytes, content_type: str, code: int, reason: str
) -> None:
    headers = {"Content-Type": content_type}
    async with api.session.post(api.url(CONFIGMAPS), data=io.BytesIO(body), headers=headers) as response:
        assert (response.status, (await response.json())["reason"]) == (code, reason)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/api/v1/namespaces/default/nonsense", 404),
        ("GET", "/api/v1/configmaps/x", 404),
        ("GET", "/api/v1/namespaces/default/nodes", 404),
        ("GET", f"{CONFIGMAPS}/nope", 404),
        ("GET", f"{CONFIGMAPS}/nope/status", 404),
        ("POST", f"{CONFIGMAPS}/nope", 405),
        ("PUT", CONFIGMAPS, 405),
        ("GET", "/apis/authentication.k8s.io/v1/tokenreviews", 405),
        ("GET", "/nowhere", 404),
        ("GET", "/api/v1/namespaces/default/pods/x/proxy", 404),
        ("GET", f"{CONFIGMAPS}?resourceVersion=abc", 400),
        ("GET", f"{CONFIGMAPS}?resourceVersion=999999", 504),
        ("GET", f"{CONFIGMAPS}?limit=x", 400),
    ],
)
async def test_what_cannot_be_is_refused_with_a_status(api: Any, method: str, path: str, code: int) -> None:
    async with api.session.request(method, api.url(path)) as response:
        status = await response.json()

    assert (response.status, status["kind"], status["code"]) == (code, "Status", code)


async def test_delete_options_may_come_in_the_body(api: Any, two: None) -> None:
    options = {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "dryRun": ["All"],
        "propagationPolicy": "Background",
    }
    async with api.session.delete(api.url(f"{CONFIGMAPS}/one"), json=options) as response:
        assert response.status == 200
    async with api.get(f"{CONFIGMAPS}/one") as response:
        assert response.status == 200


async def test_deleting_a_collection_answers_with_it(api: Any, two: None) -> None:
    async with api.session.delete(api.url(f"{CONFIGMAPS}?fieldSelector=metadata.name=one")) as response:
        found = await response.json()

    assert [item["metadata"]["name"] for item in found["items"]] == ["one"]


async def test_an_unexpected_failure_tells_the_client_nothing_of_our_inside(
    api: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(api.registry, "list", broken)
    async with api.get(CONFIGMAPS) as response:
        status = await response.json()

    assert (response.status, "secret" in str(status)) == (500, False)
    assert "RuntimeError: secret" in caplog.text
