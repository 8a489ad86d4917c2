"""Our definitions say what upstream's say, descriptions apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from pocketmesh.schema.kind import Kind
from pocketmesh.schema.prepare import prepare

FindKind = Callable[[str, str], Kind]
# Who owns the object is no field of the kind: the API server adds these to every definition.
ADDED = ("apiVersion", "kind", "metadata")


def _names(definitions: list[dict[str, Any]]) -> list[str]:
    return sorted(definition["metadata"]["name"] for definition in definitions)


def _served(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {version["name"]: version for version in definition["spec"]["versions"] if version["served"]}


def _facts(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every field path with every keyword that matters for it."""
    for keyword, value in schema.items():
        if keyword == "properties":
            for name, field in value.items():
                if path or name not in ADDED:
                    yield from _facts(field, f"{path}.{name}")
        elif keyword == "items":
            yield from _facts(value, f"{path}[]")
        elif keyword == "additionalProperties":
            yield from _facts(value, f"{path}{{}}")
        elif keyword == "required":
            yield path, keyword, sorted(value)
        elif keyword != "description":
            yield path, keyword, value


def _differences(ours: dict[str, Any], theirs: dict[str, Any]) -> list[tuple[str, str, Any, Any]]:
    our, their = ({(path, key): value for path, key, value in _facts(schema)} for schema in (ours, theirs))
    return [
        (*at, our.get(at), their.get(at)) for at in sorted({*our, *their}) if our.get(at) != their.get(at)
    ]


def test_the_same_kinds_are_defined(ours: list[dict[str, Any]], upstream: list[dict[str, Any]]) -> None:
    assert _names(ours) == _names(upstream)


def test_each_definition_has_upstreams_names_and_metadata(
    ours: list[dict[str, Any]], upstream: list[dict[str, Any]]
) -> None:
    their = {definition["metadata"]["name"]: definition for definition in upstream}
    for our in ours:
        name = our["metadata"]["name"]
        assert our["metadata"] == their[name]["metadata"]
        assert {**our["spec"], "versions": []} == {**their[name]["spec"], "versions": []}
        assert sorted(_served(our)) == sorted(_served(their[name]))


def test_each_version_has_upstreams_columns_subresources_and_storage(
    ours: list[dict[str, Any]], upstream: list[dict[str, Any]]
) -> None:
    def without_words(version: dict[str, Any]) -> dict[str, Any]:
        columns = version.get("additionalPrinterColumns", [])
        bare = [{key: value for key, value in column.items() if key != "description"} for column in columns]
        return {**version, "schema": {}, "additionalPrinterColumns": bare}

    their = {definition["metadata"]["name"]: _served(definition) for definition in upstream}
    for our in ours:
        for name, version in _served(our).items():
            assert without_words(version) == without_words(their[our["metadata"]["name"]][name])


def test_each_field_has_upstreams_type_limits_defaults_and_rules(
    ours: list[dict[str, Any]], upstream: list[dict[str, Any]]
) -> None:
    their = {definition["metadata"]["name"]: _served(definition) for definition in upstream}
    found = {}
    for our in ours:
        for name, version in _served(our).items():
            theirs = their[our["metadata"]["name"]][name]["schema"]["openAPIV3Schema"]
            if differences := _differences(version["schema"]["openAPIV3Schema"], theirs):
                found[our["metadata"]["name"], name] = differences
    assert not found


def test_manifests_that_istio_is_tested_with_are_accepted(shared: Path, our_kind: FindKind) -> None:
    refused = {
        (page, document["metadata"]["name"])
        for page, document in _inputs(shared)
        if prepare(our_kind(document["apiVersion"], document["kind"]), document).errors
    }
    # Two ports of one Service as parents: istiod could, but the standard channel's rules know no ports.
    assert refused == {("mesh.yaml", "multi-service")}


def test_manifests_that_istio_is_tested_with_are_prepared_as_upstream_would(
    shared: Path, our_kind: FindKind, upstream_kind: FindKind
) -> None:
    for _page, document in _inputs(shared):
        at = document["apiVersion"], document["kind"]
        assert prepare(our_kind(*at), document) == prepare(upstream_kind(*at), document)


def _inputs(shared: Path) -> list[tuple[str, dict[str, Any]]]:
    """Objects of our kinds; their names in lower case, because not all went through an API server."""
    pages = [*(shared / "data/golden").rglob("*.yaml"), *(shared / "data/samples").rglob("*.yaml")]
    found = [
        (page.name, document)
        for page in pages
        if not page.name.endswith(".status.yaml")
        for document in yaml.load_all(page.read_bytes(), yaml.CSafeLoader)
        if document and any(group in document["apiVersion"] for group in ("istio.io", "gateway.networking"))
        if document["kind"] != "TCPRoute"  # is not in the standard channel
    ]
    for _page, document in found:
        document["metadata"]["name"] = document["metadata"]["name"].lower()
        document.pop("status", None)  # a creation does not take it
    assert len(found) > 80
    return found


def test_descriptions_are_in_our_own_words(
    ours: list[dict[str, Any]], upstream: list[dict[str, Any]]
) -> None:
    def told(schema: Any) -> Iterator[str]:
        if isinstance(schema, dict):
            if isinstance(schema.get("description"), str):
                yield " ".join(schema["description"].split())
            for child in schema.values():
                yield from told(child)
        elif isinstance(schema, list):
            for child in schema:
                yield from told(child)

    def long(definitions: list[dict[str, Any]]) -> set[str]:
        return {text for definition in definitions for text in told(definition) if len(text.split()) > 5}

    assert not long(ours) & long(upstream)
