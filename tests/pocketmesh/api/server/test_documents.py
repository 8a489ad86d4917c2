from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import pytest

V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
V2BETA1 = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
GNOSTIC = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"


async def document(api: Any, path: str, accept: str = "application/json") -> Any:
    async with api.get(path, Accept=accept) as response:
        assert response.status == 200
        return await response.json(content_type=None)


async def test_the_legacy_documents_lead_to_every_resource(api: Any) -> None:
    groups = await document(api, "/apis")
    apps = await document(api, "/apis/apps")
    resources = await document(api, "/apis/apps/v1")

    assert groups["groups"][0]["name"] == "apiregistration.k8s.io" or groups["groups"][0]["name"] == "apps"
    assert apps["preferredVersion"]["groupVersion"] == "apps/v1"
    assert {"deployments", "deployments/scale", "deployments/status"} <= {
        resource["name"] for resource in resources["resources"]
    }


@pytest.mark.parametrize(
    ("accept", "version"),
    [(f"{V2},{V2BETA1},application/json", "v2"), (f"{V2BETA1},application/json", "v2beta1")],
)
async def test_aggregated_discovery_says_everything_at_once(api: Any, accept: str, version: str) -> None:
    async with api.get("/apis", Accept=accept) as response:
        found = await response.json(content_type=None)

    assert response.headers["Content-Type"] == (V2 if version == "v2" else V2BETA1)
    assert found["apiVersion"] == f"apidiscovery.k8s.io/{version}"
    apps = next(item for item in found["items"] if item["metadata"]["name"] == "apps")
    deployments = next(r for r in apps["versions"][0]["resources"] if r["resource"] == "deployments")
    assert deployments["shortNames"] == ["deploy"]
    assert deployments["subresources"][0]["responseKind"]["kind"] == "Scale"


async def test_the_core_group_is_aggregated_under_its_own_path(api: Any) -> None:
    found = await document(api, "/api", V2)

    assert [item["metadata"]["name"] for item in found["items"]] == [""]


async def test_openapi_v3_has_a_document_for_each_group_version(api: Any) -> None:
    index = await document(api, "/openapi/v3")
    apps = await document(api, index["paths"]["apis/apps/v1"]["serverRelativeURL"])

    patch = apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert "application/strategic-merge-patch+json" in patch["requestBody"]["content"]
    assert {"fieldValidation", "dryRun"} <= {parameter["name"] for parameter in patch["parameters"]}
    assert "io.k8s.api.apps.v1.DeploymentSpec" in apps["components"]["schemas"]


async def test_every_reference_of_openapi_leads_somewhere(api: Any) -> None:
    swagger = await document(api, "/openapi/v2")
    found: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            found.update(value for key, value in node.items() if key == "$ref" and isinstance(value, str))
            for child in node.values():
                walk(child)
        elif isinstance(node, list):
            for child in node:
                walk(child)

    walk(swagger)
    assert found
    assert {name.removeprefix("#/definitions/") for name in found} <= swagger["definitions"].keys()


async def test_openapi_v2_comes_as_protobuf_to_old_clients(api: Any) -> None:
    async with api.get("/openapi/v2", Accept=GNOSTIC) as response:
        body = await response.read()

    assert response.headers["Content-Type"] == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    assert body.startswith(b"\x0a\x032.0")


@pytest.mark.parametrize(("path", "accept"), [("/openapi/v2", GNOSTIC), ("/openapi/v3", "application/json")])
async def test_what_a_client_has_already_is_not_sent_again(api: Any, path: str, accept: str) -> None:
    async with api.get(path, Accept=accept) as response:
        tag = response.headers["ETag"]
    async with api.get(path, **{"Accept": accept, "If-None-Match": tag}) as response:
        assert (response.status, await response.read()) == (304, b"")


async def test_a_document_that_is_asked_for_by_its_hash_may_be_kept(api: Any) -> None:
    index = await document(api, "/openapi/v3")
    async with api.get(index["paths"]["apis/apps/v1"]["serverRelativeURL"]) as response:
        assert response.headers["Cache-Control"] == "public, immutable"
        assert parsedate_to_datetime(response.headers["Expires"]) > parsedate_to_datetime(
            response.headers["Date"]
        )


async def test_the_hash_of_a_document_changes_with_its_kinds(api: Any) -> None:
    before = await document(api, "/openapi/v3")
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget"}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": "apps.example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    crd = {"metadata": {"name": "widgets.apps.example.com"}, "spec": spec}
    async with api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd) as response:
        assert response.status == 201, await response.text()
    after = await document(api, "/openapi/v3")
    widgets = await document(api, after["paths"]["apis/apps.example.com/v1"]["serverRelativeURL"])

    assert after["paths"].keys() - before["paths"].keys() == {"apis/apps.example.com/v1"}
    assert "com.example.apps.v1.Widget" in widgets["components"]["schemas"]
    patch = next(iter(widgets["paths"].values()))["patch"]
    assert "application/strategic-merge-patch+json" not in patch["requestBody"]["content"]


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/readyz/ping"])
async def test_health_is_ok(api: Any, path: str) -> None:
    async with api.get(path) as response:
        assert (response.status, await response.text()) == (200, "ok")


async def test_health_in_many_words(api: Any) -> None:
    async with api.get("/readyz?verbose") as response:
        assert (await response.text()).splitlines()[-1] == "readyz check passed"


@pytest.mark.parametrize(
    ("path", "key"),
    [("/version", "gitVersion"), ("/", "paths"), ("/openid/v1/jwks", "keys"), ("/api", "versions")],
)
async def test_other_documents(api: Any, path: str, key: str) -> None:
    assert key in await document(api, path)


async def test_metrics_are_in_prometheus_text(api: Any) -> None:
    async with api.get("/metrics") as response:
        assert 'kubernetes_build_info{major="1"' in await response.text()
